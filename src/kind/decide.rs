//! Decides what a release gets.

use super::spec::{HandOverInput, Kind, Template};
use super::template_search::ReleaseFile;
use crate::error::Error;
use crate::file::vm_args_word;
use crate::hand_over::{HandOver, Part, VM_ARGS, Value, suffix_of};
use crate::identity::name::Fqdn;
use crate::identity::{Identity, Source};

impl HandOverInput<'_> {
    /// Decides what the release gets.
    ///
    /// # Errors
    /// Environment, secrets and templates contradict one another (65), or the cookie has no place (73).
    pub(crate) fn decide(&self) -> Result<HandOver, Error> {
        let variables = identity_variables(self.identity);
        let mut plan = HandOver { variables, access: self.access, ..HandOver::default() };
        if self.render && self.release.kind.is_beam {
            plan.removed = vec!["REPLACE_OS_VARS", "RELX_REPLACE_OS_VARS"];
        }
        (self.release.kind.hand_over)(&mut plan, self)?;
        if plan.files.iter().any(|file| file.name == VM_ARGS) {
            self.add_nested_files(&mut plan);
        }
        let secrets = plan.secrets(self.raw);
        plan.keep_cookie_private(&secrets);
        Ok(plan)
    }

    /// A file that is named twice is one.
    fn add_nested_files(&self, plan: &mut HandOver) {
        for nested in self.vm_args.iter().flat_map(|(_, args)| &args.nested) {
            if plan.files.iter().all(|file| file.name != nested.name) {
                plan.add_file(nested.name.clone(), nested.text.clone());
            }
        }
    }
}

/// Passes on the path of a file that is not to be rendered and cannot be read as text: the VM may read it all the same.
pub(crate) fn pass_unread(plan: &mut HandOver, input: &HandOverInput<'_>, unread: &[(ReleaseFile, Template)]) {
    for (file, template) in unread {
        let kind = input.release.kind;
        let variables = kind.variables_of(*file);
        let path = template.path.to_string_lossy();
        if kind == Kind::ERL {
            let word = Part::Text(vm_args_word(&template.path));
            let flag = if *file == ReleaseFile::VmArgs { "-args_file " } else { "-config " };
            plan.add_flags(input.raw.erl_zflags.as_deref(), vec![Part::Text(flag.into()), word]);
        } else if let Some(first) = variables.first().filter(|first| **first != template.named_by && kind.is_beam) {
            plan.set(first, path.strip_suffix(suffix_of(first)).unwrap_or(&path));
        }
    }
}

/// What was derived, under the names that templates know it by. What was given is in the environment already.
pub(crate) fn identity_variables(identity: &Identity) -> Vec<(&'static str, Value)> {
    let derived = identity.variables().into_iter().filter(|(name, _, source)| *source != Source::Variable(name));
    derived.map(|(name, value, _)| (name, value.into())).collect()
}

/// The pod's name, if a headless service should publish it. A host name that somebody gave a Docker container looks
/// alike in its hosts file, but no DNS need know it.
pub(crate) fn published_name(identity: &Identity) -> Option<&Fqdn> {
    let fqdn = identity.fqdn.as_ref()?;
    let from_kubernetes = fqdn.value.labels().nth(3) == Some("svc");
    (fqdn.source != Source::HostsFile || from_kubernetes).then_some(&fqdn.value)
}
