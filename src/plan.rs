//! The plan of a start: which release, which templates, what it will get. Everything is rendered in memory and checked;
//! nothing is written, asked or logged.

use crate::config::Config;
use crate::env::{Env, RawEnv};
use crate::error::{Error, Stage};
use crate::identity::name::{NodeHost, NodeName};
use crate::identity::{Identity, Sources};
use crate::release::hand_over::{Given, HandOver, NodeArgs, OwnArgs};
use crate::release::template::Template;
use crate::release::{Kind, Release, SecretFile};
use crate::render::template::Variables;
use crate::render::{self, RenderedVmArgs};
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
    /// What looks wrong, a sentence each, with the stage that found it.
    pub warnings: Vec<(Stage, String)>,
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
        let variables = self.variables();
        let variables = config.render.then_some(&variables);

        let found = release.vm_args_template(raw, config.render)?;
        warnings.extend(found.warning.map(|sentence| (Stage::Release, sentence)));
        let vm_args = match found.template {
            Some(template) => {
                let rendered = render::vm_args(&template.path, variables, self.has_ipv6_only())?;
                warnings.extend(self.doubts(&template, &rendered));
                let node = rendered.node.as_ref().map(|(_, node)| node.clone());
                templates.push(Filled { template: template.clone(), placeholders: rendered.filled.values.len(), node });
                Some((template, node_args(rendered)))
            }
            None => None,
        };
        let found = release.sys_config_template(raw, config.render)?;
        warnings.extend(found.warning.map(|sentence| (Stage::Release, sentence)));
        let sys_config = match found.template {
            Some(template) => {
                let rendered = render::sys_config(&template.path, variables)?;
                let filled =
                    Filled { template: template.clone(), placeholders: rendered.filled.values.len(), node: None };
                // The release finds its own file by itself, unless it would write one from it.
                let is_needed = !template.is_own || !rendered.filled.values.is_empty() || release.fills_in(&template);
                is_needed.then(|| {
                    templates.push(filled);
                    (template, rendered.text)
                })
            }
            None => None,
        };
        let mut hand_over = HandOver::plan(Given {
            release,
            identity,
            raw,
            cookie_mode: config.cookie,
            secret: config.cookie_file.as_deref().map(SecretFile::read).transpose()?,
            render: config.render,
            own: self.own_args(vm_args.is_none()),
            vm_args,
            sys_config,
        })?;
        warnings
            .extend(std::mem::take(&mut hand_over.warnings).into_iter().map(|sentence| (Stage::HandOver, sentence)));
        Ok(Planned { hand_over, templates, warnings })
    }

    /// What templates may name.
    fn variables(&self) -> Variables<'_> {
        let name = ("RELEASE_NAME".to_owned(), self.release.name.clone());
        let derived = self.identity.variables().into_iter().map(|(name, value, _)| (name.to_owned(), value));
        let refused = self.identity.refused.iter().map(|(name, reason)| ((*name).to_owned(), reason.clone()));
        Variables {
            env: self.env,
            derived: derived.chain([name]).collect(),
            refused: refused.collect(),
            unset_is_error: self.config.unset_is_error,
        }
    }

    fn has_ipv6_only(&self) -> bool {
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
        let render::UnrenderedVmArgs { text, without_cookie, node, has_sname, cookies } = own;
        Some(OwnArgs { path, text, without_cookie, node, has_sname, cookies })
    }

    /// What works, but is hardly meant.
    fn doubts(&self, template: &Template, rendered: &RenderedVmArgs) -> Vec<(Stage, String)> {
        let path = template.path.display();
        let mut sentences: Vec<_> = rendered.warnings.iter().map(|sentence| format!("{path}: {sentence}")).collect();
        let fqdn = self.identity.fqdn.as_ref().map(|fqdn| &fqdn.value);
        match (rendered.node.as_ref().map(|(_, node)| (node, node.host())), fqdn) {
            (Some((_, NodeHost::Name(host))), Some(fqdn)) if host != fqdn => {
                sentences.push(format!("{path}: the node's host is {host}, but this pod is {fqdn}"));
            }
            (Some((node, NodeHost::Absent)), _) => sentences.push(format!(
                "{path}: the node name {node} has no host; the VM makes one up that peers may not find: write {node}@${{MY_POD_FQDN}}"
            )),
            _ => {}
        }
        sentences.into_iter().map(|sentence| (Stage::Render, sentence)).collect()
    }
}

fn node_args(rendered: RenderedVmArgs) -> NodeArgs {
    let RenderedVmArgs { text, without_node_flags, without_cookie, node, cookie, .. } = rendered;
    NodeArgs { text, without_node_flags, without_cookie, node, cookie }
}
