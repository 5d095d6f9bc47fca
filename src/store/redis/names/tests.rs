//! Redis names: what each says, and how it is read back.

use super::*;

#[test]
fn names_say_what_they_name() {
    let names = Names::new("arc:", 0);
    let digest = [0xab; 16];
    let hex = "ab".repeat(16);
    assert_eq!(names.live(&digest), format!("arc:e:{{{hex}}}"));
    assert_eq!(names.named(names.live(&digest).as_bytes()), Some(Named::Live));
    assert_eq!(names.digest_of_live(names.live(&digest).as_bytes()), Some(digest));
    for other in [names.staged(&digest), names.path("/a"), format!("arc:e:{{+{}}}", &hex[1..])] {
        assert_eq!(names.digest_of_live(other.as_bytes()), None, "{other}");
    }
    assert_eq!(names.named(names.staged(&digest).as_bytes()), Some(Named::Staged));
    assert_eq!(names.named(names.path("/a").as_bytes()), Some(Named::Index));
    assert_eq!(names.named(names.group("g").as_bytes()), Some(Named::Index));
    assert_eq!(names.processes(), "arc:processes");
    for other in [names.clock(), &names.processes(), &names.configuration()] {
        assert_eq!(names.named(other.as_bytes()), None);
    }
    assert_eq!(names.named(format!("{}:{{7}}", names.wait()).as_bytes()), None);
    assert_eq!(names.named(b"arc:other"), None);
    let pair = [names.staged(&digest).into_bytes(), names.live(&digest).into_bytes()];
    assert_eq!(names.pair(names.live(&digest).as_bytes()), Some(pair));
}

#[test]
fn each_database_has_a_channel_of_its_own() {
    let channels = [0, 1].map(|database| Names::new("arc:", database).channel().to_owned());
    assert_eq!(channels, ["arc:news:0", "arc:news:1"]);
}

#[test]
fn a_prefix_inside_another_is_not_ours() {
    let (outer, digest) = (Names::new("a:", 0), [1; 16]);
    for inner in ["a:b:", "a:e:", "a:p:"] {
        let inner = Names::new(inner, 0);
        for name in [inner.live(&digest), inner.staged(&digest), inner.clock().to_owned()] {
            assert_eq!(outer.named(name.as_bytes()), None, "{name}");
        }
    }
}

#[test]
fn prefix_keeps_entries_in_a_slot_unless_it_spoils_their_hash_tag() {
    for prefix in ["", "arc:", "a}", "}a{b}", "{a}", "{{a}}", "{{}", "a{b}{", "a{b}{}"] {
        assert!(keeps_entries_in_a_slot(prefix), "{prefix}");
    }
    for prefix in ["{", "a{b:", "}{", "{}", "{}{a}", "a{}b{c}", "{}a{", "a{{"] {
        assert!(!keeps_entries_in_a_slot(prefix), "{prefix}");
    }
}

#[cfg(feature = "redis-cluster")]
proptest::proptest! {
    #[test]
    fn names_of_an_entry_share_a_slot_under_every_prefix_that_is_taken(
        prefix in "[{}a:\\PC]{0,8}",
        digests in proptest::collection::vec(proptest::prelude::any::<[u8; 16]>(), 8),
    ) {
        let names = Names::new(&prefix, 0);
        let share = |digest: &[u8; 16]| {
            let [live, waiting, lease] =
                [names.live(digest), names.staged(digest), names.lease(digest)]
                    .map(redis::cluster_routing::Slot::for_key);
            live == waiting && live == lease
        };
        let is_taken = keeps_entries_in_a_slot(&prefix);
        // by chance two slots are the same, eight times in a row they are not
        proptest::prop_assert_eq!(digests.iter().all(share), is_taken);
    }
}

#[test]
fn long_texts_are_bounded_and_kept_apart() {
    let names = Names::new("", 0);
    let long = |end: &str| names.path(&format!("/{}{end}", "ü".repeat(4000)));
    assert!(long("a").len() < MAX_TEXT + 64);
    assert_ne!(long("a"), long("b"));
    assert_ne!(names.group(&"g".repeat(MAX_TEXT)), names.group(&"g".repeat(257)));
}

#[test]
fn patterns_are_escaped() {
    assert_eq!(Names::new("a*[b]?:", 0).paths_below("/x*\\y"), "a\\*\\[b\\]\\?:[pq]:/x\\*\\\\y/*");
    assert_eq!(Names::new("a*", 0).everything(), "a\\*?:*");
}

#[test]
fn long_prefixes_find_long_paths_only() {
    let names = Names::new("", 0);
    let deep = "/x".repeat(MAX_TEXT);
    let pattern = names.paths_below(&deep);
    let stem = pattern.trim_end_matches('*').to_owned();
    assert!(names.path(&format!("{deep}/y")).starts_with(&stem));
}
