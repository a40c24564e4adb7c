//! The JSON of `explain` has the fields that src/explain/facts.rs describes, and no others, on every level; the README
//! names those of the top.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::talk::{self, config_map};
use crate::support::vm::{BOOT, wait_for_node};
use crate::support::{Cluster, DnsSettings};

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The structs with the name and type of each field, all of which are described.
fn documented() -> BTreeMap<String, BTreeMap<String, String>> {
    let search = file("src/kind/template_search.rs");
    let skipped = search.split("pub(crate) struct SkippedTemplate").nth(1).unwrap().split("\n}").next().unwrap();
    let source = format!("{}pub(crate) struct SkippedTemplate{skipped}", file("src/explain/facts.rs"));
    let mut structs: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let (mut name, mut before) = (String::new(), "");
    for line in source.lines() {
        if let Some(rest) = line.strip_prefix("pub(crate) struct ") {
            rest.trim_end_matches(" {").clone_into(&mut name);
        } else if let Some((field, kind)) =
            line.strip_prefix("    pub(crate) ").and_then(|field| field.split_once(": "))
        {
            assert!(before.trim_start().starts_with("///"), "{name}.{field} is not described");
            let fields = structs.entry(name.clone()).or_default();
            fields.insert(field.to_owned(), kind.trim_end_matches(',').to_owned());
        }
        before = line;
    }
    structs
}

/// Whether the value is of the type, all the way down.
fn check(value: &Value, kind: &str, structs: &BTreeMap<String, BTreeMap<String, String>>, seen: &mut BTreeSet<String>) {
    let inside = |outer: &str| kind.strip_prefix(outer).and_then(|rest| rest.strip_suffix('>'));
    if let Some(kind) = inside("Option<") {
        if !value.is_null() {
            check(value, kind, structs, seen);
        }
    } else if let Some(kind) = inside("Vec<") {
        value.as_array().unwrap().iter().for_each(|item| check(item, kind, structs, seen));
    } else if let Some(fields) = structs.get(kind) {
        seen.insert(kind.to_owned());
        let found: Vec<_> = value.as_object().unwrap().keys().collect();
        assert_eq!(found, fields.keys().collect::<Vec<_>>(), "{kind}");
        for (field, kind) in fields {
            check(&value[field], kind, structs, seen);
        }
    } else {
        let fits = match kind {
            "String" | "&'static str" => value.is_string(),
            "bool" => value.is_boolean(),
            _ => value.is_number(),
        };
        assert!(fits, "{value} is not a {kind}");
    }
}

#[test]
fn every_field_is_described_and_every_described_one_is_there() {
    let structs = documented();
    let (config, cluster) = (config_map(talk::VM_ARGS), Cluster::start(DnsSettings::default()));
    fs::write(config.path().join("sys.config"), "[].\n").unwrap();
    let pod = talk::pod(&cluster, "pairing-0", config.path()).env("MY_POD_IP", "no").env("VMARGS_PATH", "/none");
    let pod = pod.env("RELEASE_VM_ARGS", "/beamconfig/vm.args");
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.start();
    wait_for_node(&pod, "astarte_pairing");
    let report = |words: &[&str]| {
        let output = pod.exec(["beaminit", "explain", "--format", "json"].iter().chain(words));
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    };
    let mut seen = BTreeSet::new();
    for report in [report(&[]), report(&["bin/none"])] {
        assert_eq!(report["schema"], beaminit::testing::SCHEMA);
        check(&report, "Facts", &structs, &mut seen);
    }
    assert_eq!(seen, structs.keys().cloned().collect(), "one of each was there to be looked at");
    pod.signal(15);
    pod.wait(BOOT);
}

#[test]
fn the_readme_names_the_fields() {
    let readme = file("README.md");
    let section = readme.split("\n## exec and explain\n").nth(1).expect("a section").split("\n## ").next().unwrap();
    let fields = section.split("is for programs: ").nth(1).expect("a list").split(';').next().unwrap();
    let named: BTreeSet<String> = fields.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(named, documented()["Facts"].keys().cloned().collect());
    assert!(section.contains(&format!("`schema` ({},", beaminit::testing::SCHEMA)));
}
