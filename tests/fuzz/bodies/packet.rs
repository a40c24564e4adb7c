//! Any packet, read as the wait reads it, without sockets: [`super::lookup`] waits for time to pass, this does not.

use beaminit::testing::identity::name::Fqdn;
use hickory_resolver::net::DnsError;
use hickory_resolver::proto::op::DnsResponse;
use hickory_resolver::proto::rr::{Name, RData};

pub fn body(data: &[u8]) {
    let Ok(response) = DnsResponse::from_buffer(data.to_vec()) else { return };
    for record in response.answers.iter().chain(&response.authorities).chain(&response.additionals) {
        name(&record.name);
        if let RData::PTR(pointer) = &record.data {
            name(&pointer.0);
        }
    }
    response.negative_ttl();
    if let Err(DnsError::NoRecordsFound(none)) = DnsError::from_response(response)
        && let Some(soa) = none.soa
    {
        name(&soa.name);
    }
}

/// A name from the network is taken as it is written, or not at all.
fn name(name: &Name) {
    if let Ok(taken) = Fqdn::parse(&name.to_ascii()) {
        assert_eq!(Fqdn::parse(taken.as_str()).as_ref(), Ok(&taken), "{name}");
        assert!(taken.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "{taken:?} in a log");
    }
}
