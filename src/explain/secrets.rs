//! Where in a file the secrets are.
//!
//! Pure: no I/O, no clock.

use crate::render::template::Syntax as _;
use crate::render::template::moved_by;
use crate::render::vm_args::{VmArgs, VmArgsScanner};
use crate::render::{FilledTemplate, MASK, VmArgsFile, is_secret, masked_text};
use std::collections::BTreeSet;
use std::ops::Range;

/// The places of values in `text` that are secrets: those of variables that are called so, and in `vm.args` those of
/// variables that give the cookie, wherever else they are used.
pub(super) fn secret_places(
    text: &str,
    filled: &FilledTemplate,
    mut cookies: Option<VmArgsScanner>,
) -> Vec<Range<usize>> {
    let name = |index: usize| filled.values.get(index).map_or("", |value| value.name(&filled.template));
    let mut secret: BTreeSet<&str> = (0..filled.values.len()).map(name).filter(|name| is_secret(name)).collect();
    let mut next = 0;
    for (offset, character) in text.char_indices() {
        let Some(scanner) = &mut cookies else { break };
        let before = scanner.in_cookie();
        scanner.feed(character);
        while filled.values.get(next).is_some_and(|value| value.in_text.start <= offset) {
            secret.extend((before && scanner.in_cookie()).then(|| name(next)));
            next += 1;
        }
    }
    let places = filled.values.iter().filter(|value| secret.contains(value.name(&filled.template)));
    places.map(|value| value.in_text.clone()).collect()
}

/// What is made of a rendered `vm.args` for the release, as reports may show it: `contents` has its text, whole or without
/// the flags of the node.
pub(super) fn masked_vm_args(contents: &str, rendered: Option<&VmArgsFile>) -> String {
    let mask = |hidden: &[Range<usize>]| masked_text(contents, &mut VmArgsScanner::default(), hidden);
    let Some(rendered) = rendered else { return mask(&[]) };
    let places = secret_places(&rendered.text, &rendered.filled, Some(VmArgsScanner::default()));
    let Ok(args) = VmArgs::read(rendered.text.clone()) else { return mask(&places) };
    let variants = [
        (&rendered.text, Vec::new()),
        (&rendered.without_cookie, args.edits_without_cookie()),
        (&rendered.without_node_flags, args.edits_without_node_flags()),
    ];
    for (text, edits) in variants {
        let Some(start) = contents.find(text.as_str()).filter(|_| !text.trim().is_empty()) else { continue };
        let moved = places.iter().map(|place| moved_by(place, &edits));
        return mask(&moved.map(|place| start + place.start..start + place.end).collect::<Vec<_>>());
    }
    // Nothing of the template is in it, or nothing that is known.
    if places.is_empty() || rendered.without_node_flags.trim().is_empty() { mask(&[]) } else { MASK.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::ValueOrigin;
    use crate::render::template::InsertedValue;

    /// A template's text, each of its placeholders replaced by this value.
    fn rendered(template: &str, values: &[&str]) -> VmArgsFile {
        let (mut text, mut rest, mut found) = (String::new(), template, Vec::new());
        for value in values {
            let (before, behind) = rest.split_once("${").unwrap();
            let (name, after) = behind.split_once('}').unwrap();
            text += before;
            let at = template.len() - behind.len() - 2;
            let in_template = at..at + name.len() + 3;
            let in_text = text.len()..text.len() + value.len();
            found.push(InsertedValue { in_text, in_template, origin: ValueOrigin::Environment });
            text += value;
            rest = after;
        }
        text += rest;
        let args = VmArgs::read(text.clone()).unwrap();
        VmArgsFile {
            without_cookie: args.without_cookie(),
            without_node_flags: args.without_node_flags(),
            filled: FilledTemplate { template: template.into(), values: found },
            text,
            ..VmArgsFile::default()
        }
    }

    #[test]
    fn a_secret_is_hidden_where_it_is_and_nowhere_else() {
        let template = "-name ${N}@shop.shop\n-setcookie ${C}\n-shop pw ${DB_PASSWORD} ${C} shop # shop\n";
        let file = rendered(template, &["shop", "shop", "shop", "shop"]);
        let rest = "-shop pw ****** ****** shop # ******\n";
        assert_eq!(masked_vm_args(&file.text, Some(&file)), format!("-name shop@shop.shop\n-setcookie ******\n{rest}"));
        let handed_over = format!("-args_file /shop\n{}-setcookie shop\n", file.without_node_flags);
        let shown = masked_vm_args(&handed_over, Some(&file));
        assert_eq!(shown, format!("-args_file /shop\n\n\n{rest}-setcookie ******\n"));
        assert_eq!(masked_vm_args(&file.without_cookie, Some(&file)), format!("-name shop@shop.shop\n\n{rest}"));
        assert_eq!(masked_vm_args("-x something else", Some(&file)), MASK);
        assert_eq!(masked_vm_args("-args_file /a\n-setcookie b", None), "-args_file /a\n-setcookie ******");
    }
}
