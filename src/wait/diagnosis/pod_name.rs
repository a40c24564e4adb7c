//! The names above a pod's.
//!
//! Pure: no I/O, no clock.

use crate::identity::name::Fqdn;

/// The parts of a name `POD.SERVICE.NAMESPACE.svc.DOMAIN`, each as a whole name.
#[derive(Clone, Debug)]
pub(super) struct PodNameParts {
    pub(super) service: Fqdn,
    pub(super) namespace: Fqdn,
    pub(super) domain: Fqdn,
}

impl PodNameParts {
    /// None if `name` does not have the form of a pod's name.
    pub(super) fn of(name: &Fqdn) -> Option<Self> {
        let service = name.parent()?;
        let namespace = service.parent()?;
        let svc = namespace.parent()?;
        let domain = svc.parent()?;
        (svc.first_label().as_str() == "svc").then_some(Self { service, namespace, domain })
    }
}
