//! The plan of a start: which release, which templates, what it will get. Everything is rendered in memory and checked;
//! nothing is written, asked or logged.

mod doubts;
mod expected;

use crate::error::{Error, Problem, Stage, both};
use crate::identity::name::NodeName;
use crate::identity::{Identity, Sources};
use crate::release::hand_over::{Given, HandOver, NodeArgs, OwnArgs};
use crate::release::template::Template;
use crate::release::{Kind, Release, SecretFile};
use crate::render::{self, TemplateVariables, UnsetVariable, VmArgsFile, VmSurroundings};
use crate::variables::{Config, Env, RawEnv};
use std::net::IpAddr;

/// What is known when the decisions begin.
#[derive(Debug)]
pub struct Known<'a> {
    /// The environment.
    pub env: &'a Env,
    /// The variables of it that we read.
    pub raw: &'a RawEnv,
    /// Our settings.
    pub config: &'a Config,
    /// What the identity was found in.
    pub sources: Sources,
    /// The pod.
    pub identity: Identity,
    /// The release.
    pub release: Release,
}

/// A plan that holds.
#[derive(Debug)]
pub struct Planned {
    /// What the release gets.
    pub hand_over: HandOver,
    /// What was rendered.
    pub templates: Vec<Filled>,
    /// What looks wrong, with the stage that found it.
    pub warnings: Vec<(Stage, Problem)>,
}

/// A template that was filled in.
#[derive(Debug)]
pub struct Filled {
    /// The template.
    pub template: Template,
    /// How many placeholders were replaced.
    pub placeholders: usize,
    /// The node that it names.
    pub node: Option<NodeName>,
}

impl Known<'_> {
    /// Renders, checks, and decides what the release gets.
    ///
    /// # Errors
    /// A template is missing (66) or wrong, or contradicts the environment (65).
    pub fn plan(&self) -> Result<Planned, Error> {
        let Self { raw, config, identity, release, .. } = self;
        let (mut templates, mut warnings) = (Vec::new(), Vec::new());
        let found =
            both(release.vm_args_template(raw, config.renders()), release.sys_config_template(raw, config.renders()));
        let (vm, (vm_args, sys_config)) = both(release.check_vm(self.env), found)?;
        let told = [vm, vm_args.warning, sys_config.warning].into_iter().flatten();
        warnings.extend(told.map(|problem| (Stage::Release, problem)));

        let vm_args = vm_args.template.map(|template| self.render_vm_args(template)).transpose();
        let sys_config =
            sys_config.template.map(|template| self.render_sys_config(template, &mut warnings)).transpose();
        let (vm_args, sys_config) = both(vm_args, sys_config)?;
        let vm_args = vm_args.map(|(filled, rendered)| {
            warnings.extend(self.doubts(&filled.template, &rendered));
            let template = filled.template.clone();
            templates.push(filled);
            (template, node_args(rendered))
        });
        let sys_config = sys_config.and_then(|(filled, text)| {
            let template = filled.template.clone();
            // The release finds its own file by itself, unless it would write one from it.
            let is_needed = !template.is_own || filled.placeholders > 0 || release.fills_in(&template);
            is_needed.then(|| {
                templates.push(filled);
                (template, text)
            })
        });
        let own = self.own_args(vm_args.is_none());
        let own_is_read = match release.kind {
            Kind::Mix => vm_args.as_ref().is_none_or(|(template, _)| template.adds_to_own),
            Kind::Relx | Kind::Distillery => vm_args.is_none(),
            Kind::Erl | Kind::RabbitMq | Kind::Command => true,
        };
        let mut hand_over = HandOver::plan(Given {
            release,
            identity,
            raw,
            cookie_mode: config.cookie,
            secret: config.cookie_file.as_deref().map(SecretFile::read).transpose()?,
            render: config.renders(),
            own,
            vm_args,
            sys_config,
        })?;
        let told = std::mem::take(&mut hand_over.warnings);
        warnings.extend(told.into_iter().map(|problem| (Stage::HandOver, problem)));
        warnings.extend(self.doubts_about_start(&hand_over, own_is_read));
        Ok(Planned { hand_over, templates, warnings })
    }

    fn render_vm_args(&self, template: Template) -> Result<(Filled, VmArgsFile), Error> {
        let variables = self.variables_of(&template);
        let rendered = render::vm_args(&template.path, variables.as_ref(), self.vm_surroundings())?;
        let node = rendered.node.as_ref().map(|(_, node)| node.clone());
        Ok((Filled { template, placeholders: rendered.filled.values.len(), node }, rendered))
    }

    fn render_sys_config(
        &self,
        template: Template,
        warnings: &mut Vec<(Stage, Problem)>,
    ) -> Result<(Filled, String), Error> {
        let rendered = render::sys_config(&template.path, self.variables_of(&template).as_ref())?;
        let path = template.path.display();
        warnings.extend(rendered.warnings.iter().map(|problem| (Stage::Render, doubts::about(&path, problem))));
        Ok((Filled { template, placeholders: rendered.filled.values.len(), node: None }, rendered.text))
    }

    /// What this template is rendered with; nothing, if it is not rendered. `REPLACE_OS_VARS` never meant anything to a
    /// mix release, whose own files may have a `${…}` of another meaning.
    #[must_use]
    pub fn variables_of(&self, template: &Template) -> Option<TemplateVariables<'_>> {
        let variables = self.config.renders().then(|| self.variables())?;
        let by_replace_os_vars = template.is_own && template.named_by.ends_with("REPLACE_OS_VARS");
        let keeps = self.release.kind == Kind::Mix && by_replace_os_vars;
        Some(if keeps { TemplateVariables { unset: UnsetVariable::Keep, ..variables } } else { variables })
    }

    /// What templates may name.
    #[must_use]
    pub fn variables(&self) -> TemplateVariables<'_> {
        let name = ("RELEASE_NAME".to_owned(), self.release.name.clone());
        let derived = self.identity.variables().into_iter().map(|(name, value, _)| (name.to_owned(), value));
        let refused = self.identity.refused.iter().map(|(name, reason)| ((*name).to_owned(), reason.clone()));
        TemplateVariables {
            env: self.env,
            derived: derived.chain([name]).collect(),
            refused: refused.collect(),
            unset: if self.config.unset_is_error() { UnsetVariable::Error } else { UnsetVariable::Empty },
        }
    }

    /// What the release's VM has around it.
    #[must_use]
    pub fn vm_surroundings(&self) -> VmSurroundings<'_> {
        VmSurroundings { ipv6_only: self.has_ipv6_only(), working_dir: self.release.working_dir() }
    }

    /// Whether the pod has IPv6 addresses, and no others.
    #[must_use]
    pub fn has_ipv6_only(&self) -> bool {
        let own = self.identity.own_addresses();
        !own.is_empty() && own.iter().all(IpAddr::is_ipv6)
    }

    /// The release's own `vm.args`, where what it says counts: a script that reads no other passes it on in any case.
    fn own_args(&self, no_template: bool) -> Option<OwnArgs> {
        let release = &self.release;
        let counts = match release.kind {
            Kind::Relx | Kind::Distillery => no_template,
            Kind::Erl => true,
            Kind::Mix | Kind::RabbitMq | Kind::Command => false,
        };
        let path = release.own_file("vm.args").filter(|_| counts)?;
        let own = render::read_vm_args(&path)?;
        let VmArgsFile { text, without_cookie, node, has_sname, cookie, cookies, .. } = own;
        Some(OwnArgs { path, text, without_cookie, node, has_sname, cookie, cookies })
    }
}

fn node_args(rendered: VmArgsFile) -> NodeArgs {
    let VmArgsFile { text, without_node_flags, without_cookie, node, cookie, .. } = rendered;
    NodeArgs { text, without_node_flags, without_cookie, node, cookie }
}
