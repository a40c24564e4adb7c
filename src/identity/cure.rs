//! What to set where a fact is missing.
//!
//! Pure: no I/O, no clock.

/// The first variable that is missing for the composed name `name`, if the service is known, which somebody has to name.
pub(crate) fn missing_part(name: &str, is_known: impl Fn(&str) -> bool) -> Option<&'static str> {
    let parts: &[&str] = match name {
        "MY_POD_BASE_DNS" => &["MY_POD_NAMESPACE"],
        "MY_POD_FQDN" => &["MY_POD_NAMESPACE", "MY_POD_NAME", "MY_POD_IP"],
        _ => &[],
    };
    if !is_known("MY_POD_SERVICE") {
        return None;
    }
    parts.iter().copied().find(|part| !is_known(part))
}

/// How to set a variable, as one would type it.
pub(crate) fn cure(variable: &str) -> &'static str {
    match variable {
        "MY_POD_NAME" => "set MY_POD_NAME from the downward API: fieldRef: {fieldPath: metadata.name}",
        "MY_POD_NAMESPACE" => "set MY_POD_NAMESPACE from the downward API: fieldRef: {fieldPath: metadata.namespace}",
        "MY_POD_IP" => "set MY_POD_IP from the downward API: fieldRef: {fieldPath: status.podIP}",
        "MY_POD_IPS" => "set MY_POD_IPS from the downward API: fieldRef: {fieldPath: status.podIPs}",
        "CLUSTER_DOMAIN" => "set CLUSTER_DOMAIN=cluster.local, or what the cluster has",
        _ => "name the headless Service in the StatefulSet's serviceName, or in MY_POD_SERVICE",
    }
}
