//! The templates of a start, filled in.

use super::planner::Planner;
use crate::context::{Context, Environment};
use crate::error::{Error, Problem, Stage};
use crate::exit;
use crate::hand_over::{SYS_CONFIG, VM_ARGS};
use crate::identity::name::NodeName;
use crate::kind::template_search::{FoundTemplate, ReleaseFile, SkippedTemplate, TemplateSearch};
use crate::kind::{Release, ScriptRendering, Template};
use crate::render::{
    self, FilledTemplate, NestedFile, RenderedSysConfig, TemplateVariables, UnsetVariable, VmArgsFile, VmSurroundings,
};
use std::net::IpAddr;

/// The templates that count, and what was skipped.
#[derive(Debug, Default)]
pub(crate) struct PlannedTemplates {
    pub(super) vm_args: Option<PlannedTemplate<VmArgsFile>>,
    pub(super) sys_config: Option<PlannedTemplate<RenderedSysConfig>>,
    /// Those of the files beside `vm.args` that are rendered too, in their order there.
    pub(super) nested: Vec<Template>,
    pub(crate) skipped: Vec<SkippedTemplate>,
    /// Those that are handed over as they are, since they are not to be rendered, and cannot be read as text.
    pub(crate) unread: Vec<(ReleaseFile, Template)>,
}

/// A template with what it was rendered to, unless that failed.
#[derive(Debug)]
pub(super) struct PlannedTemplate<T> {
    pub(super) template: Template,
    pub(super) rendered: Option<T>,
}

/// A template as logs and reports show it.
pub(crate) struct TemplateView<'a> {
    /// The file's name, or the flag of `vm.args` that names it.
    pub(crate) file: &'static str,
    pub(crate) template: &'a Template,
    /// The text, and what its placeholders were replaced by.
    pub(crate) rendered: Option<(&'a str, &'a FilledTemplate)>,
    /// The node that it names.
    pub(crate) node: Option<&'a NodeName>,
}

impl PlannedTemplates {
    pub(crate) fn views(&self) -> impl Iterator<Item = TemplateView<'_>> {
        let vm_args = self.vm_args.iter().map(|planned| TemplateView {
            file: VM_ARGS,
            template: &planned.template,
            rendered: planned.rendered.as_ref().map(|rendered| (rendered.text.as_str(), &rendered.filled)),
            node: planned.rendered.as_ref().and_then(|rendered| Some(&rendered.node.as_ref()?.1)),
        });
        let sys_config = self.sys_config.iter().map(|planned| TemplateView {
            file: SYS_CONFIG,
            template: &planned.template,
            rendered: planned.rendered.as_ref().map(|rendered| (rendered.text.as_str(), &rendered.filled)),
            node: None,
        });
        let nested = self.vm_args.iter().filter_map(|planned| planned.rendered.as_ref()).flat_map(|args| &args.nested);
        let nested = nested.zip(&self.nested).map(|(nested, template)| TemplateView {
            file: nested.flag,
            template,
            rendered: Some((nested.text.as_str(), &nested.filled)),
            node: None,
        });
        vm_args.chain(sys_config).chain(nested)
    }

    /// The `vm.args` to hand over.
    pub(crate) fn vm_args(&self) -> Option<(&Template, &VmArgsFile)> {
        let planned = self.vm_args.as_ref()?;
        Some((&planned.template, planned.rendered.as_ref()?))
    }

    /// Those of the files that have no checks but their rendering's.
    pub(super) fn file_warnings(&self) -> impl Iterator<Item = (&Template, &Problem)> {
        let sys_config =
            self.sys_config.iter().filter_map(|planned| Some((&planned.template, planned.rendered.as_ref()?)));
        let sys_config = sys_config.map(|(template, rendered)| (template, &rendered.warnings));
        let nested = self.vm_args().into_iter().flat_map(|(_, args)| &args.nested).map(|nested| &nested.warnings);
        let all = sys_config.chain(self.nested.iter().zip(nested));
        all.flat_map(|(template, warnings)| warnings.iter().map(move |problem| (template, problem)))
    }

    /// The `sys.config` to hand over.
    pub(super) fn sys_config(&self, release: &Release) -> Option<(&Template, &str)> {
        let view = self.views().find(|view| view.file == SYS_CONFIG)?;
        if view.is_handed_over(release) { Some((view.template, view.rendered?.0)) } else { None }
    }
}

impl TemplateView<'_> {
    /// The release finds its own sys.config by itself, unless it would write one from it.
    pub(crate) fn is_handed_over(&self, release: &Release) -> bool {
        let Some((_, filled)) = self.rendered else { return false };
        let is_own_sys_config = self.file == SYS_CONFIG && self.template.is_own;
        !is_own_sys_config || !filled.values.is_empty() || release.renders_by_itself(self.template)
    }
}

impl Planner<'_> {
    pub(super) fn plan_templates(&mut self) -> PlannedTemplates {
        let mut planned = PlannedTemplates::default();
        let [vm_args, sys_config] =
            [ReleaseFile::VmArgs, ReleaseFile::SysConfig].map(|file| self.find_template(file, &mut planned));
        if let Some(template) = vm_args {
            let variables = template_variables(self.context, &self.release, &template);
            let surroundings = VmSurroundings {
                ipv6_only: has_only_ipv6(self.context),
                working_dir: self.release.working_dir(),
                renders_beside: !template.is_own,
            };
            match render::vm_args(&template.path, variables.as_ref(), surroundings) {
                Err(error) if is_left_as_it_is(&error, variables.as_ref()) => {
                    planned.unread.push((ReleaseFile::VmArgs, template));
                }
                rendered => {
                    let rendered = self.findings.ok(rendered);
                    planned.nested = rendered.iter().flat_map(|args| &args.nested).map(named_by_vm_args).collect();
                    planned.vm_args = Some(PlannedTemplate { template, rendered });
                }
            }
        }
        if let Some(template) = sys_config {
            let variables = template_variables(self.context, &self.release, &template);
            match render::sys_config(&template.path, variables.as_ref()) {
                Err(error) if is_left_as_it_is(&error, variables.as_ref()) => {
                    planned.unread.push((ReleaseFile::SysConfig, template));
                }
                rendered => {
                    let rendered = self.findings.ok(rendered);
                    planned.sys_config = Some(PlannedTemplate { template, rendered });
                }
            }
        }
        planned
    }

    fn find_template(&mut self, file: ReleaseFile, planned: &mut PlannedTemplates) -> Option<Template> {
        let environment = &self.context.environment;
        let search =
            TemplateSearch { release: &self.release, raw: &environment.raw, own_files: environment.config.renders() };
        let FoundTemplate { template, skipped, warning, error } = search.find(file);
        for skipped in skipped {
            if !planned.skipped.contains(&skipped) {
                planned.skipped.push(skipped);
            }
        }
        self.findings.errors.extend(error);
        if let Some(problem) = warning {
            self.findings.warn(Stage::Release, problem);
        }
        template
    }
}

fn named_by_vm_args(nested: &NestedFile) -> Template {
    Template { path: nested.path.clone(), named_by: VM_ARGS, adds_to_own: false, is_own: false }
}

/// Whether a file that cannot be read as text is not to be rendered anyway.
fn is_left_as_it_is(error: &Error, variables: Option<&TemplateVariables<'_>>) -> bool {
    variables.is_none() && error.code == exit::DATA
}

/// What this template is rendered with; nothing, if it is not rendered. `REPLACE_OS_VARS` never meant anything to a mix
/// release, whose own files may have a `${…}` of another meaning.
fn template_variables<'a>(
    context: &'a Context,
    release: &Release,
    template: &Template,
) -> Option<TemplateVariables<'a>> {
    let Environment { env, config, .. } = &context.environment;
    if !config.renders() {
        return None;
    }
    let by_replace_os_vars = template.is_own && template.named_by.ends_with("REPLACE_OS_VARS");
    let unset = if by_replace_os_vars && release.kind.script_rendering == ScriptRendering::Never {
        UnsetVariable::Keep
    } else if config.unset_is_error() {
        UnsetVariable::Error
    } else {
        UnsetVariable::Empty
    };
    let mut derived = vec![("RELEASE_NAME".to_owned(), release.name.clone())];
    derived.extend(context.identity.variables().into_iter().map(|(name, value, _)| (name.to_owned(), value)));
    let refused = context.identity.refused.iter().map(|(name, reason)| ((*name).to_owned(), reason.clone()));
    Some(TemplateVariables { env, derived, refused: refused.collect(), unset })
}

/// Whether the pod has IPv6 addresses, and no others.
fn has_only_ipv6(context: &Context) -> bool {
    let own = context.identity.own_addresses();
    !own.is_empty() && own.iter().all(IpAddr::is_ipv6)
}
