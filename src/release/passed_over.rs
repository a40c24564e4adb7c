//! What might have been a template and is none. Only for whoever wonders: a start does not ask.

use super::template::{Named, Template, existing};
use super::{Kind, Release};
use crate::variables::RawEnv;
use std::path::Path;

/// A file or a variable that did not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The variable with its value, or the file.
    pub what: String,
    /// Why, as a sentence.
    pub why: String,
}

impl Release {
    /// What was passed over for the template of `vm.args`, `found` being the one that counts.
    #[must_use]
    pub fn passed_over_for_vm_args(&self, raw: &RawEnv, own_files: bool, found: Option<&Template>) -> Vec<PassedOver> {
        self.passed_over("vm.args", &self.variables_for_vm_args(raw), raw, own_files, found)
    }

    /// The same for `sys.config`.
    #[must_use]
    pub fn passed_over_for_sys_config(
        &self,
        raw: &RawEnv,
        own_files: bool,
        found: Option<&Template>,
    ) -> Vec<PassedOver> {
        self.passed_over("sys.config", &self.variables_for_sys_config(raw), raw, own_files, found)
    }

    fn passed_over(
        &self,
        name: &str,
        named: &[Named<'_>],
        raw: &RawEnv,
        own_files: bool,
        found: Option<&Template>,
    ) -> Vec<PassedOver> {
        let by = found.map(|found| found.named_by);
        let set = named.iter().filter_map(|(variable, value, _)| Some((*variable, (*value)?)));
        let others = set.filter(|(variable, _)| Some(*variable) != by).map(|(variable, value)| PassedOver {
            what: format!("{variable}={value}"),
            why: match by {
                Some(by) => format!("{by} counts before it"),
                None if self.kind == Kind::RabbitMq => "a broker reads files of its own form".into(),
                None => "there is no such file".into(),
            },
        });
        let folder = raw.release_config_dir.as_deref().filter(|_| by != Some("RELEASE_CONFIG_DIR"));
        let folder = folder.filter(|dir| existing(&Path::new(dir).join(name)).is_some() || by.is_none());
        let folder = folder.map(|dir| PassedOver {
            what: format!("RELEASE_CONFIG_DIR={dir}"),
            why: match by {
                _ if self.kind == Kind::RabbitMq => "a broker reads files of its own form".into(),
                Some(by) => format!("{by} names {name} itself"),
                None => format!("it has no {name}"),
            },
        });
        others.chain(folder).chain(self.own_passed_over(name, own_files, found)).collect()
    }

    /// The release's own file, and the one that a template of the suffix `.src` stands beside.
    fn own_passed_over(
        &self,
        name: &str,
        own_files: bool,
        found: Option<&Template>,
    ) -> impl Iterator<Item = PassedOver> {
        let beside = found.map(|found| found.path.with_extension("")).filter(|beside| {
            found.is_some_and(|found| found.path.extension().is_some_and(|end| end == "src")) && beside.exists()
        });
        let beside =
            beside.map(|path| PassedOver { what: path.display().to_string(), why: "its .src wins over it".into() });
        let own = self.own_file(name).filter(|own| found.is_none_or(|found| found.path != *own && !found.is_own));
        let own = own.map(|path| PassedOver {
            what: path.display().to_string(),
            why: match found {
                Some(found) if found.adds_to_own && self.kind == Kind::Mix => {
                    format!("no template, but read before the one of {}, which wins", found.named_by)
                }
                Some(found) => format!("the template of {} stands in its place", found.named_by),
                None if !own_files => "BEAMINIT_RENDER is off: the release reads it as it is".into(),
                None => "no template: neither REPLACE_OS_VARS nor RELX_REPLACE_OS_VARS is set".into(),
            },
        });
        beside.into_iter().chain(own)
    }
}
