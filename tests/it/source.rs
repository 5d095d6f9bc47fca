//! The crate's own source, parsed: what the tests of its shape (`floors`, `public_api`) read.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, ExprMacro, Item, ItemMod, ItemUse, Meta, UseTree, Visibility,
    visit::{self, Visit},
};

/// A module path below the crate's root, such as `["store", "redis"]`.
pub type Module = Vec<String>;

/// One file of `src/`.
pub struct SourceFile {
    pub path: PathBuf,
    pub module: Module,
    pub text: String,
    pub items: Vec<Item>,
}

/// All files of `src/`, those of unit tests left out.
pub struct Source {
    pub files: Vec<SourceFile>,
    /// Re-exports: under which module and name, and of what.
    aliases: BTreeMap<(Module, String), Module>,
}

impl Source {
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        walk(&root, &root, &mut files);
        let mut aliases = BTreeMap::new();
        for file in &files {
            for item in &file.items {
                let Item::Use(item) = item else { continue };
                if matches!(item.vis, Visibility::Inherited) {
                    continue;
                }
                for import in imports(item) {
                    if let Some(target) = file.absolute(&import.path) {
                        aliases.insert((file.module.clone(), import.name), target);
                    }
                }
            }
        }
        Self { files, aliases }
    }

    fn file(&self, module: &[String]) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.module == module)
    }

    /// The file that defines what this absolute path names, re-exports followed, and the rest of
    /// the path inside that file.
    pub fn definition(&self, path: &[String]) -> Option<(&SourceFile, Vec<String>)> {
        self.definition_within(path, 8)
    }

    fn definition_within(&self, path: &[String], depth: u8) -> Option<(&SourceFile, Vec<String>)> {
        let length = (0..=path.len()).rev().find(|length| self.file(&path[..*length]).is_some())?;
        let file = self.file(&path[..length])?;
        let rest = path[length..].to_vec();
        let Some(name) = rest.first() else { return Some((file, rest)) };
        match self.aliases.get(&(file.module.clone(), name.clone())) {
            Some(target) if depth > 0 => {
                let target = [target.as_slice(), &rest[1..]].concat();
                self.definition_within(&target, depth - 1)
            }
            _ => Some((file, rest)),
        }
    }
}

impl SourceFile {
    /// The path below the crate's root that is meant by one in this file; `None` for other crates.
    pub fn absolute(&self, path: &[String]) -> Option<Module> {
        let mut module = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "super" | "self" => self.module.clone(),
            name if self.children().any(|child| child == name) => {
                return Some([self.module.as_slice(), path].concat());
            }
            _ => return None,
        };
        let mut rest = path;
        while let [first, others @ ..] = rest {
            match first.as_str() {
                "crate" | "self" => {}
                "super" => drop(module.pop()),
                _ => break,
            }
            rest = others;
        }
        module.extend(rest.iter().cloned());
        Some(module)
    }

    /// The names of the modules that the file declares in files of their own.
    fn children(&self) -> impl Iterator<Item = String> + '_ {
        self.items.iter().filter_map(|item| match item {
            Item::Mod(module) if module.content.is_none() => Some(module.ident.to_string()),
            _ => None,
        })
    }

    /// Every path below the crate's root that the file's code names, re-exports left out.
    pub fn named_paths(&self) -> Vec<Module> {
        let mut named = Named { file: self, paths: Vec::new() };
        for item in &self.items {
            named.visit_item(item);
        }
        named.paths
    }
}

/// One name that a `use` brings in.
pub struct Import {
    pub path: Vec<String>,
    pub name: String,
}

pub fn imports(item: &ItemUse) -> Vec<Import> {
    fn each(tree: &UseTree, path: &mut Vec<String>, imports: &mut Vec<Import>) {
        match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                each(&tree.tree, path, imports);
                path.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| each(tree, path, imports)),
            UseTree::Name(name) if name.ident == "self" => {
                let name = path.last().cloned().unwrap_or_default();
                imports.push(Import { path: path.clone(), name });
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                imports.push(Import {
                    path: [path.as_slice(), std::slice::from_ref(&name)].concat(),
                    name,
                });
            }
            UseTree::Rename(rename) => {
                let path = [path.as_slice(), &[rename.ident.to_string()]].concat();
                imports.push(Import { path, name: rename.rename.to_string() });
            }
            UseTree::Glob(_) => imports.push(Import { path: path.clone(), name: "*".into() }),
        }
    }
    let mut imports = Vec::new();
    each(&item.tree, &mut Vec::new(), &mut imports);
    imports
}

/// Whether an item is compiled for unit tests only.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        _ => false,
    })
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<SourceFile>) {
    let mut entries: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if !path.ends_with("tests") {
                walk(root, &path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            files.push(parse(root, path));
        }
    }
}

fn parse(root: &Path, path: PathBuf) -> SourceFile {
    let text = fs::read_to_string(&path).unwrap();
    let parsed =
        syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let inside = path.strip_prefix(root).unwrap().with_extension("");
    let names = inside.iter().map(|name| name.to_str().unwrap().to_owned());
    let module = names.filter(|name| name != "mod" && name != "lib").collect();
    let items = parsed.items.into_iter().filter(|item| match item {
        Item::Mod(ItemMod { attrs, .. }) => !is_for_tests(attrs),
        _ => true,
    });
    SourceFile { items: items.collect(), path, module, text }
}

/// Collects the paths that code names.
struct Named<'s> {
    file: &'s SourceFile,
    paths: Vec<Module>,
}

impl Named<'_> {
    fn push(&mut self, path: &[String]) {
        self.paths.extend(self.file.absolute(path));
    }
}

impl Visit<'_> for Named<'_> {
    fn visit_item_mod(&mut self, item: &ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        if matches!(item.vis, Visibility::Inherited) && !is_for_tests(&item.attrs) {
            for import in imports(item) {
                self.push(&import.path);
            }
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let names: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
            self.push(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &Visibility) {} // `pub(in crate::..)` imports nothing

    fn visit_expr_macro(&mut self, _: &ExprMacro) {} // what a macro is given is not parsed
}
