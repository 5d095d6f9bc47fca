//! The public API as a list in `tests/public_api.txt`, one line for each item, so that a change of
//! the API is seen in review. `UPDATE_PUBLIC_API=1` writes the list anew.

use std::{collections::BTreeSet, env, fs, path::Path};

use quote::ToTokens;
use syn::{
    Attribute, Fields, ImplItem, Item, ItemImpl, ItemMod, Meta, Signature, TraitItem, Type,
    Visibility,
};

use crate::source::{Import, Source, SourceFile, imports};

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/public_api.txt");

#[test]
fn the_public_api_is_the_one_that_is_listed() {
    let source = Source::read();
    let mut listing = Listing { source: &source, lines: BTreeSet::new(), listed: BTreeSet::new() };
    let root = source.definition(&[]).expect("lib.rs").0;
    listing.items("", root, &root.items);
    let found =
        listing.lines.into_iter().fold(String::new(), |text, (_, line)| text + &line + "\n");
    if env::var_os("UPDATE_PUBLIC_API").is_some() {
        fs::write(LIST, &found).expect("the list is written");
    }
    let listed = fs::read_to_string(Path::new(LIST)).expect("the list");
    let (found, listed): (BTreeSet<_>, BTreeSet<_>) =
        (found.lines().collect(), listed.lines().collect());
    let added: Vec<_> = found.difference(&listed).collect();
    let removed: Vec<_> = listed.difference(&found).collect();
    assert!(
        added.is_empty() && removed.is_empty(),
        "the public API has changed: added {added:#?}, removed {removed:#?}. If that is meant, run this \
         test with UPDATE_PUBLIC_API=1 and name the change in CHANGELOG.md"
    );
}

#[test]
fn the_cache_has_few_methods() {
    let list = fs::read_to_string(LIST).expect("the list");
    let methods = list.lines().filter(|line| {
        line.contains("fn ResponseCache::") && !line.contains("feature = \"testing\"")
    });
    let count = methods.count();
    assert!((10..=34).contains(&count), "{count} methods");
}

/// Words before the name of an item.
const KINDS: [&str; 13] = [
    "async",
    "const",
    "enum",
    "field",
    "fn",
    "impl",
    "macro",
    "mod",
    "non_exhaustive",
    "struct",
    "trait",
    "type",
    "variant",
];

/// The list while it is written.
struct Listing<'s> {
    source: &'s Source,
    /// Each line behind what it is sorted by.
    lines: BTreeSet<(String, String)>,
    /// Definitions whose methods are listed already, under another name too.
    listed: BTreeSet<(Vec<String>, String)>,
}

impl Listing<'_> {
    fn line(&mut self, gates: &str, text: &str) {
        let named = text.split(' ').skip_while(|word| KINDS.contains(word)).collect();
        self.lines.insert((named, format!("{text}{gates}")));
    }

    /// The public items of a module. `path` ends in `::` unless it is empty.
    fn items(&mut self, path: &str, file: &SourceFile, items: &[Item]) {
        for item in items {
            match item {
                Item::Use(item) if is_public(&item.vis) => {
                    for import in imports(item) {
                        self.import(path, file, &import, &gates(&item.attrs));
                    }
                }
                Item::Mod(item) if is_public(&item.vis) => self.module(path, file, item),
                item => self.item(path, file, item, ""),
            }
        }
    }

    fn module(&mut self, path: &str, file: &SourceFile, item: &ItemMod) {
        let path = format!("{path}{}", item.ident);
        self.line(&gates(&item.attrs), &format!("mod {path}"));
        let path = format!("{path}::");
        if let Some((_, items)) = &item.content {
            return self.items(&path, file, items);
        }
        let module = [file.module.as_slice(), &[item.ident.to_string()]].concat();
        if let Some((file, _)) = self.source.definition(&module) {
            self.items(&path, file, &file.items);
        }
    }

    fn import(&mut self, path: &str, file: &SourceFile, import: &Import, gates: &str) {
        let Some(target) = file.absolute(&import.path) else {
            return self
                .line(gates, &format!("use {path}{} = {}", import.name, import.path.join("::")));
        };
        let Some((file, rest)) = self.source.definition(&target) else { return };
        if rest.is_empty() {
            self.line(gates, &format!("mod {path}{}", import.name));
            return self.items(&format!("{path}{}::", import.name), file, &file.items);
        }
        let named = |item: &&Item| name_of(item).is_some_and(|name| Some(&name) == rest.first());
        match file.items.iter().find(named) {
            Some(item) => self.item(path, file, item, gates),
            None => self.line(gates, &format!("macro {path}{}", import.name)),
        }
    }

    fn item(&mut self, path: &str, file: &SourceFile, item: &Item, outer: &str) {
        match item {
            Item::Struct(item) if is_public(&item.vis) => {
                let gates = format!("{}{outer}", gates(&item.attrs));
                let name = format!("{path}{}", item.ident);
                let generics = text(&item.generics);
                self.line(
                    &gates,
                    &format!(
                        "{}struct {name}{generics}{}",
                        marks(&item.attrs),
                        derives(&item.attrs)
                    ),
                );
                self.fields(&gates, &name, &item.fields, false);
                self.impls(file, &item.ident.to_string(), &name, &gates);
            }
            Item::Enum(item) if is_public(&item.vis) => {
                let gates = format!("{}{outer}", gates(&item.attrs));
                let name = format!("{path}{}", item.ident);
                self.line(
                    &gates,
                    &format!("{}enum {name}{}", marks(&item.attrs), derives(&item.attrs)),
                );
                for variant in &item.variants {
                    let name = format!("{name}::{}", variant.ident);
                    self.line(&gates, &format!("{}variant {name}", marks(&variant.attrs)));
                    self.fields(&gates, &name, &variant.fields, true);
                }
                self.impls(file, &item.ident.to_string(), &name, &gates);
            }
            Item::Trait(item) if is_public(&item.vis) => {
                let gates = format!("{}{outer}", gates(&item.attrs));
                let name = format!("{path}{}", item.ident);
                self.line(&gates, &format!("trait {name}: {}", text(&item.supertraits)));
                for member in &item.items {
                    if let TraitItem::Fn(method) = member {
                        let provided = if method.default.is_some() { " { .. }" } else { "" };
                        self.line(&gates, &format!("{}{provided}", signature(&method.sig, &name)));
                    }
                }
            }
            Item::Fn(item) if is_public(&item.vis) => {
                let gates = format!("{}{outer}", gates(&item.attrs));
                self.line(&gates, &signature(&item.sig, path.trim_end_matches("::")));
            }
            Item::Type(item) if is_public(&item.vis) => {
                self.line(outer, &format!("type {path}{} = {}", item.ident, text(&item.ty)));
            }
            Item::Const(item) if is_public(&item.vis) => {
                self.line(outer, &format!("const {path}{}: {}", item.ident, text(&item.ty)));
            }
            _ => {}
        }
    }

    fn fields(&mut self, gates: &str, name: &str, fields: &Fields, all: bool) {
        for (index, field) in fields.iter().enumerate() {
            if all || is_public(&field.vis) {
                let field_name =
                    field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
                self.line(gates, &format!("field {name}::{field_name}: {}", text(&field.ty)));
            }
        }
    }

    /// The public methods and the traits of a type, wherever they are written.
    fn impls(&mut self, definition: &SourceFile, ident: &str, name: &str, outer: &str) {
        if !self.listed.insert((definition.module.clone(), ident.to_owned())) {
            return;
        }
        for file in &self.source.files {
            for item in &file.items {
                let Item::Impl(item) = item else { continue };
                if self.is_of(file, item, definition, ident) {
                    self.implementation(item, name, outer);
                }
            }
        }
    }

    fn is_of(
        &self,
        file: &SourceFile,
        item: &ItemImpl,
        definition: &SourceFile,
        ident: &str,
    ) -> bool {
        let Type::Path(path) = item.self_ty.as_ref() else { return false };
        let names: Vec<_> = path.path.segments.iter().map(|part| part.ident.to_string()).collect();
        if names.last().is_none_or(|last| last != ident) {
            return false;
        }
        if file.module == definition.module {
            return true;
        }
        let used = file.items.iter().find_map(|item| match item {
            Item::Use(item) => {
                imports(item).into_iter().find(|import| Some(&import.name) == names.first())
            }
            _ => None,
        });
        let path = used.map_or(names, |import| import.path);
        let found = file
            .absolute(&path)
            .and_then(|path| self.source.definition(&path).map(|(file, _)| file.module.clone()));
        found.is_some_and(|module| module == definition.module)
    }

    fn implementation(&mut self, item: &ItemImpl, name: &str, outer: &str) {
        let outer = format!("{}{outer}", gates(&item.attrs));
        if let Some((_, path, _)) = &item.trait_ {
            let generics = text(&item.generics);
            return self.line(&outer, &format!("impl{generics} {} for {name}", text(path)));
        }
        for member in &item.items {
            match member {
                ImplItem::Fn(method) if is_public(&method.vis) => {
                    let gates = format!("{}{outer}", gates(&method.attrs));
                    self.line(&gates, &signature(&method.sig, name));
                }
                ImplItem::Const(constant) if is_public(&constant.vis) => {
                    let text = format!("const {name}::{}: {}", constant.ident, text(&constant.ty));
                    self.line(&outer, &text);
                }
                _ => {}
            }
        }
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn name_of(item: &Item) -> Option<String> {
    Some(match item {
        Item::Struct(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Const(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// A signature with the name of its type in front.
fn signature(signature: &Signature, of: &str) -> String {
    let name = format!("fn {}", signature.ident);
    let full = if of.is_empty() { name.clone() } else { format!("fn {of}::{}", signature.ident) };
    text(signature).replacen(&name, &full, 1)
}

/// The features that an item needs.
fn gates(attributes: &[Attribute]) -> String {
    let gates = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            Some(format!("  [{}]", text(&list.tokens)))
        }
        _ => None,
    });
    gates.collect()
}

fn marks(attributes: &[Attribute]) -> &'static str {
    let exhaustive =
        attributes.iter().all(|attribute| !attribute.path().is_ident("non_exhaustive"));
    if exhaustive { "" } else { "non_exhaustive " }
}

fn derives(attributes: &[Attribute]) -> String {
    let derives = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("derive") => Some(text(&list.tokens)),
        _ => None,
    });
    derives.fold(String::new(), |all, derives| all + ": " + &derives)
}

/// Tokens as they are usually written.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (from, to) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" ::", "::"),
        (" < ", "<"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        ("& ", "&"),
        (" :", ":"),
        ("& '", "&'"),
        (",)", ")"),
    ] {
        text = text.replace(from, to);
    }
    text.replace("->", " ->").replace("  ->", " ->").replace("->(", "-> (")
}
