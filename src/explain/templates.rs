//! The templates as a start would fill them in.

use super::facts;
use super::mask::{self, Secrets};
use crate::context::Context;
use crate::file::BESIDE;
use crate::identity::Source;
use crate::plan::{Plan, TemplateView};
use crate::render::ValueOrigin;
use crate::render::template::InsertedValue;

/// All that must not be shown.
pub(super) fn secrets(context: &Context, plan: &Plan) -> Secrets {
    let mut secrets = Secrets::default();
    secrets.add(plan.hand_over.secrets(&context.environment.raw));
    secrets.add(plan.secret.iter().map(|secret| secret.cookie.expose().to_owned()));
    for (text, filled) in plan.templates.views().filter_map(|view| view.rendered) {
        for value in &filled.values {
            let name = value.name(&filled.template);
            // As far as its name shows, the variable holds a secret.
            if mask::is_secret(name) {
                secrets.add(text.get(value.in_text.clone()).map(str::to_owned));
                let given = context.environment.env.get(name).and_then(|value| value.to_str());
                secrets.add(given.map(str::to_owned));
            }
        }
    }
    secrets
}

pub(super) fn describe(context: &Context, plan: &Plan, secrets: &Secrets) -> Vec<facts::TemplateRow> {
    plan.templates.views().map(|view| describe_template(context, &view, secrets)).collect()
}

fn describe_template(context: &Context, view: &TemplateView<'_>, secrets: &Secrets) -> facts::TemplateRow {
    let file = view.file;
    let mut placeholders = Vec::new();
    if let Some((_, filled)) = view.rendered {
        placeholders.extend(filled.values.iter().map(|value| describe_placeholder(context, value, &filled.template)));
    }
    facts::TemplateRow {
        file,
        path: view.template.path.display().to_string(),
        named_by: view.template.named_by,
        rendered: view
            .rendered
            .map(|(text, _)| secrets.mask_file(file, &text.replace(BESIDE, "<run directory>/beside-"))),
        placeholders,
    }
}

fn describe_placeholder(context: &Context, value: &InsertedValue, template: &str) -> facts::Placeholder {
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
    facts::Placeholder { line, column, name: name.to_owned(), source }
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
