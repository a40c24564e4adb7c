//! The templates as a start would fill them in.

use super::facts;
use super::secrets::{masked_vm_args, secret_places};
use crate::context::Context;
use crate::file::BESIDE;
use crate::hand_over::{RunFile, SYS_CONFIG, VM_ARGS};
use crate::identity::Source;
use crate::plan::{Plan, TemplateView};
use crate::render::sys_config::SysConfigScanner;
use crate::render::template::InsertedValue;
use crate::render::vm_args::VmArgsScanner;
use crate::render::{FilledTemplate, MASK, ValueOrigin, masked_text};
use std::path::Path;

pub(super) fn describe(context: &Context, plan: &Plan) -> Vec<facts::TemplateRow> {
    plan.templates.views().map(|view| describe_template(context, &view)).collect()
}

fn describe_template(context: &Context, view: &TemplateView<'_>) -> facts::TemplateRow {
    let mut placeholders = Vec::new();
    if let Some((_, filled)) = view.rendered {
        placeholders.extend(filled.values.iter().map(|value| describe_placeholder(context, value, &filled.template)));
    }
    let rendered = view.rendered.map(|(text, filled)| masked_rendered(view.file, text, filled));
    facts::TemplateRow {
        file: view.file,
        path: view.template.path.display().to_string(),
        named_by: view.template.named_by,
        rendered: rendered.map(|text| text.replace(BESIDE, "<run directory>/beside-")),
        placeholders,
    }
}

/// The rendered text without its secrets. `file` is its name, or the flag of `vm.args` that names it.
fn masked_rendered(file: &str, text: &str, filled: &FilledTemplate) -> String {
    if [VM_ARGS, "-args_file"].contains(&file) {
        let places = secret_places(text, filled, Some(VmArgsScanner::default()));
        masked_text(text, &mut VmArgsScanner::default(), &places)
    } else {
        masked_text(text, &mut SysConfigScanner::default(), &secret_places(text, filled, None))
    }
}

/// A file of the release without its secrets.
pub(super) fn masked_file(plan: &Plan, file: &RunFile, run_dir: &Path) -> String {
    let contents = match &*file.name {
        VM_ARGS | "remote.vm.args" => {
            masked_vm_args(&file.contents, plan.templates.vm_args().map(|(_, rendered)| rendered))
        }
        SYS_CONFIG => {
            let view = plan.templates.views().find(|view| view.file == SYS_CONFIG);
            let rendered = view.and_then(|view| view.rendered).filter(|(text, _)| *text == file.contents);
            rendered.map_or(MASK.into(), |(text, filled)| masked_rendered(SYS_CONFIG, text, filled))
        }
        _ => MASK.to_owned(),
    };
    RunFile { contents, ..file.clone() }.contents_in(run_dir).into_owned()
}

fn describe_placeholder(context: &Context, value: &InsertedValue, template: &str) -> facts::PlaceholderRow {
    let before = template.get(..value.in_template.start).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let name = value.name(template);
    let source = match value.origin {
        ValueOrigin::Environment => format!("the environment variable {name}"),
        ValueOrigin::Derived => name_derived(context, name),
        ValueOrigin::Default => "its default".into(),
        ValueOrigin::Nothing => "nothing: it is not set, which BEAMINIT_UNSET=empty allows".into(),
    };
    let (line, column) = (before.matches('\n').count() + 1, line.chars().count() + 1);
    facts::PlaceholderRow { line, column, name: name.to_owned(), source }
}

fn name_derived(context: &Context, name: &str) -> String {
    let known = context.identity.variables();
    let source = known.iter().find(|(known, ..)| *known == name).map(|(.., source)| name_source(*source));
    source.unwrap_or_else(|| "the base name of COMMAND".into())
}

pub(super) fn name_source(source: Source) -> String {
    match source {
        Source::Variable(name) => format!("the environment variable {name}"),
        other => other.to_string(),
    }
}
