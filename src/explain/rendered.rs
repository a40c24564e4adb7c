//! The templates as a start would fill them in.

use super::Findings;
use super::facts;
use super::mask::{self, Secrets};
use crate::error::Stage;
use crate::plan::Known;
use crate::release::template::{Found, Template};
use crate::render::template::InsertedValue;
use crate::render::{self, FilledTemplate, ValueOrigin};

/// What was found, rendered or not.
#[derive(Default)]
pub(super) struct Templates {
    found: Vec<Rendered>,
    pub(super) passed_over: Vec<facts::PassedOver>,
}

struct Rendered {
    file: &'static str,
    template: Template,
    /// The result; absent, if there is none.
    result: Option<(String, FilledTemplate)>,
}

/// Finds and fills in both templates.
pub(super) fn templates(known: &Known<'_>, findings: &mut Findings) -> Templates {
    let mut templates = Templates::default();
    let (release, raw, own_files) = (&known.release, known.raw, known.config.renders());
    let found = findings.ok(release.vm_args_template(raw, own_files));
    let template = noted(found, findings);
    let passed = release.passed_over_for_vm_args(raw, own_files, template.as_ref());
    templates.pass_over(passed);
    if let Some(template) = template {
        let result = findings.ok(render::vm_args(
            &template.path,
            known.variables_of(&template).as_ref(),
            known.vm_surroundings(),
        ));
        let result = result.map(|rendered| (rendered.text, rendered.filled));
        templates.found.push(Rendered { file: "vm.args", template, result });
    }
    let found = findings.ok(release.sys_config_template(raw, own_files));
    let template = noted(found, findings);
    let passed = release.passed_over_for_sys_config(raw, own_files, template.as_ref());
    templates.pass_over(passed);
    if let Some(template) = template {
        let result = findings.ok(render::sys_config(&template.path, known.variables_of(&template).as_ref()));
        let result = result.map(|rendered| (rendered.text, rendered.filled));
        templates.found.push(Rendered { file: "sys.config", template, result });
    }
    templates
}

/// The template, and what is missing besides it.
fn noted(found: Option<Found>, findings: &mut Findings) -> Option<Template> {
    let Found { template, warning } = found?;
    if let Some(problem) = warning {
        findings.warn(Stage::Release, &problem);
    }
    template
}

impl Templates {
    fn pass_over(&mut self, passed: Vec<crate::release::PassedOver>) {
        let passed = passed.into_iter().map(|passed| facts::PassedOver { what: passed.what, why: passed.why });
        for passed in passed {
            if !self.passed_over.iter().any(|known| known.what == passed.what && known.why == passed.why) {
                self.passed_over.push(passed);
            }
        }
    }

    /// The values of placeholders whose variables hold secrets, as far as their names tell.
    pub(super) fn secrets(&self, known: &Known<'_>) -> Vec<String> {
        let mut secrets = Vec::new();
        for (text, filled) in self.found.iter().filter_map(|rendered| rendered.result.as_ref()) {
            for value in &filled.values {
                let name = value.name(&filled.template);
                if mask::is_secret(name) {
                    secrets.extend(text.get(value.in_text.clone()).map(str::to_owned));
                    secrets.extend(known.env.get(name).and_then(|value| value.to_str()).map(str::to_owned));
                }
            }
        }
        secrets
    }

    pub(super) fn describe(&self, known: &Known<'_>, secrets: &Secrets) -> Vec<facts::Template> {
        let describe = |rendered: &Rendered| {
            let Rendered { file, template, result } = rendered;
            let placeholders = result
                .iter()
                .flat_map(|(_, filled)| filled.values.iter().map(|value| placeholder(value, &filled.template, known)));
            facts::Template {
                file,
                path: template.path.display().to_string(),
                named_by: template.named_by,
                rendered: result.as_ref().map(|(text, _)| secrets.mask_file(file, text)),
                placeholders: placeholders.collect(),
            }
        };
        self.found.iter().map(describe).collect()
    }
}

fn placeholder(value: &InsertedValue, template: &str, known: &Known<'_>) -> facts::Placeholder {
    let before = template.get(..value.in_template.start).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let name = value.name(template);
    let identity = known.identity.variables();
    let derived = || identity.iter().find(|(known, ..)| *known == name).map(|(.., source)| super::named(*source));
    let source = match value.origin {
        ValueOrigin::Environment => format!("the environment variable {name}"),
        ValueOrigin::Derived => derived().unwrap_or_else(|| "the base name of COMMAND".into()),
        ValueOrigin::Default => "its default".into(),
        ValueOrigin::Nothing => "nothing: it is not set, which BEAMINIT_UNSET=empty allows".into(),
    };
    let (line, column) = (before.matches('\n').count() + 1, line.chars().count() + 1);
    facts::Placeholder { line, column, name: name.to_owned(), source }
}
