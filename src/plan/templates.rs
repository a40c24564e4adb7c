//! The templates of a start, filled in.

use super::planner::Planner;
use crate::context::{Context, Environment};
use crate::error::{Error, Problem, Stage};
use crate::exit;
use crate::hand_over::{SYS_CONFIG, VM_ARGS};
use crate::identity::name::{Distribution, NodeName};
use crate::kind::template_search::{FoundTemplate, ReleaseFile, SkippedTemplate, TemplateSearch};
use crate::kind::{Release, ScriptRendering, Template};
use crate::render::{
    self, FilledTemplate, NestedFile, RenderedSysConfig, TemplateVariables, UnsetVariable, VmArgsFile, VmSurroundings,
};
use std::net::IpAddr;
use std::path::Path;

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
    pub(crate) node: Option<&'a (Distribution, NodeName)>,
    /// What is valid but probably a mistake, without the file's name.
    pub(super) warnings: &'a [Problem],
}

impl PlannedTemplates {
    pub(crate) fn views(&self) -> impl Iterator<Item = TemplateView<'_>> {
        let vm_args = self.vm_args.iter().map(|PlannedTemplate { template, rendered }| TemplateView {
            file: VM_ARGS,
            template,
            rendered: rendered.as_ref().map(|args| (args.text.as_str(), &args.filled)),
            node: rendered.as_ref().and_then(|args| args.node.as_ref()),
            warnings: rendered.as_ref().map_or(&[], |args| &args.warnings),
        });
        let sys_config = self.sys_config.iter().map(|PlannedTemplate { template, rendered }| TemplateView {
            file: SYS_CONFIG,
            template,
            rendered: rendered.as_ref().map(|config| (config.text.as_str(), &config.filled)),
            node: None,
            warnings: rendered.as_ref().map_or(&[], |config| &config.warnings),
        });
        let nested = self.vm_args().into_iter().flat_map(|(_, args)| &args.nested);
        let nested = nested.zip(&self.nested).map(|(nested, template)| TemplateView {
            file: nested.flag,
            template,
            rendered: Some((nested.text.as_str(), &nested.filled)),
            node: None,
            warnings: &nested.warnings,
        });
        vm_args.chain(sys_config).chain(nested)
    }

    /// The `vm.args` to hand over.
    pub(crate) fn vm_args(&self) -> Option<(&Template, &VmArgsFile)> {
        let planned = self.vm_args.as_ref()?;
        Some((&planned.template, planned.rendered.as_ref()?))
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
        let (working_dir, ipv6_only) = (self.release.working_dir().map(Path::to_owned), has_only_ipv6(self.context));
        planned.vm_args = vm_args.and_then(|template| {
            self.render_template(ReleaseFile::VmArgs, template, &mut planned.unread, |template, variables| {
                let working_dir = working_dir.as_deref();
                let surroundings = VmSurroundings { ipv6_only, working_dir, renders_beside: !template.is_own };
                render::vm_args(&template.path, variables, surroundings)
            })
        });
        planned.sys_config = sys_config.and_then(|template| {
            self.render_template(ReleaseFile::SysConfig, template, &mut planned.unread, |template, variables| {
                render::sys_config(&template.path, variables)
            })
        });
        planned.nested =
            planned.vm_args().into_iter().flat_map(|(_, args)| &args.nested).map(named_by_vm_args).collect();
        planned
    }

    fn render_template<T>(
        &mut self,
        file: ReleaseFile,
        template: Template,
        unread: &mut Vec<(ReleaseFile, Template)>,
        render: impl FnOnce(&Template, Option<&TemplateVariables<'_>>) -> Result<T, Error>,
    ) -> Option<PlannedTemplate<T>> {
        let variables = template_variables(self.context, &self.release, &template);
        match render(&template, variables.as_ref()) {
            // It is not to be rendered, and cannot be read as text.
            Err(error) if variables.is_none() && error.code == exit::DATA => {
                unread.push((file, template));
                None
            }
            rendered => Some(PlannedTemplate { template, rendered: self.findings.ok(rendered) }),
        }
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
