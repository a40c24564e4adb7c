//! What the release would get.

use super::Findings;
use super::facts::{self, Variable};
use super::mask::{MASK, Secrets};
use super::rendered::Templates;
use crate::plan::{Known, Planned};
use crate::release::SecretFile;
use crate::release::hand_over::{HandOver, Part, Value};
use crate::release::run_dir::{Places, RunDir};
use crate::release::state::State;
use std::path::{Path, PathBuf};

/// All that must not be shown.
pub(super) fn secrets(
    known: &Known<'_>,
    templates: &Templates,
    planned: Option<&Planned>,
    findings: &mut Findings,
) -> Secrets {
    let mut secrets = Secrets::default();
    secrets
        .add(planned.map_or_else(|| HandOver::default().secrets(known.raw), |plan| plan.hand_over.secrets(known.raw)));
    secrets.add(templates.secrets(known));
    let file = known.config.cookie_file.as_deref().map(SecretFile::read);
    secrets.add(file.and_then(|read| findings.ok(read)).map(|secret| secret.cookie.expose().to_owned()));
    secrets
}

/// Where rendered files would lie; of a release that runs, where they lie.
pub(super) fn run_dir(
    running: Option<&(State, PathBuf)>,
    places: &Places,
    planned: Option<&HandOver>,
    findings: &mut Findings,
) -> Option<PathBuf> {
    if let Some((_, dir)) = running {
        return Some(dir.clone());
    }
    let foreseen = RunDir::foresee(places);
    match planned {
        Some(plan) if plan.needs_run_dir() => findings.ok(foreseen),
        _ => foreseen.ok(),
    }
}

pub(super) fn describe(plan: &HandOver, run_dir: Option<&Path>, secrets: &Secrets) -> facts::HandOver {
    let dir = run_dir.unwrap_or(Path::new("<run directory>"));
    let variable = |(name, value): &(&'static str, Value)| Variable { name, value: shown(value, dir, secrets) };
    facts::HandOver {
        node: plan.node.as_ref().map(ToString::to_string),
        variables: plan.variables.iter().map(variable).collect(),
        removed: plan.removed.clone(),
        files: plan
            .files
            .iter()
            .map(|file| facts::File { name: file.name, contents: secrets.mask_file(file.name, &file.contents) })
            .collect(),
        folders: plan.folders.clone(),
        home_cookie: plan.home_cookie.as_ref().map(|path| path.display().to_string()),
    }
}

fn shown(value: &Value, dir: &Path, secrets: &Secrets) -> String {
    let part = |part: &Part| match part {
        Part::Secret(_) => Part::Text(MASK.to_owned()),
        Part::Text(text) => Part::Text(secrets.mask(text)),
        other => other.clone(),
    };
    Value(value.0.iter().map(part).collect()).in_dir(dir).to_string_lossy().into_owned()
}
