//! What a VM's command line says about its distribution.
//!
//! Pure: no I/O, no clock.

use super::place::{EPMD_PORT, PortSource};

/// The flags of a VM that decide how it can be reached.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct VmFlags {
    /// `-name` or `-sname`, with or without a host.
    pub(super) node: Option<String>,
    /// `-setcookie`, unless there are several: the VM then ignores all of them.
    pub(super) cookie: Option<String>,
    /// `-home`: where the VM looks for its cookie file.
    pub(super) home: Option<String>,
    /// `-proto_dist` names a protocol over TLS.
    pub(super) is_tls: bool,
    /// `-epmd_module` without a fixed port: epmd does not know the node.
    pub(super) has_own_epmd_module: bool,
    fixed_port: Option<u16>,
    epmd_port: Option<u16>,
}

impl VmFlags {
    /// Reads the words of a command line.
    pub(super) fn parse(words: &[String]) -> Self {
        let words: Vec<&str> = words.iter().map(String::as_str).take_while(|word| *word != "-extra").collect();
        let values = |flag: &'static str| words.windows(2).filter(move |pair| pair.first() == Some(&flag));
        let value =
            |flag: &'static str| values(flag).filter_map(|pair| pair.get(1)).find(|value| !value.starts_with('-'));
        let text = |flag: &'static str| value(flag).map(|value| (*value).to_owned());
        let port = |flag: &'static str| value(flag).and_then(|value| value.parse().ok());
        Self {
            node: text("-sname").or_else(|| text("-name")),
            cookie: if values("-setcookie").count() == 1 { text("-setcookie") } else { None },
            home: text("-home"),
            is_tls: value("-proto_dist").is_some_and(|protocol| protocol.contains("tls")),
            has_own_epmd_module: value("-epmd_module").is_some() && value("-erl_epmd_port").is_none(),
            fixed_port: port("-erl_epmd_port"),
            epmd_port: port("-epmd_port"),
        }
    }

    pub(super) fn port(&self) -> PortSource {
        match self.fixed_port {
            Some(port) => PortSource::Fixed(port),
            None => PortSource::Epmd(self.epmd_port.unwrap_or(EPMD_PORT)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> VmFlags {
        VmFlags::parse(&line.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_vms_own_command_line_says_how_to_reach_it() {
        let flags = parse(
            "/usr/lib/erlang/erts-13.1.5/bin/beam.smp -Bd -- -root /usr/lib/erlang -bindir /b -progname erl -- -home /data \
             -epmd_port 5999 -- -noshell -name shop@web-0.web -setcookie sesame -proto_dist inet6_tcp",
        );
        let expected = VmFlags {
            node: Some("shop@web-0.web".into()),
            cookie: Some("sesame".into()),
            home: Some("/data".into()),
            epmd_port: Some(5999),
            ..VmFlags::default()
        };
        assert_eq!(flags, expected);
        assert_eq!(flags.port(), PortSource::Epmd(5999));
        assert_eq!(parse("beam.smp -- -sname a").port(), PortSource::Epmd(4369));
        assert_eq!(parse("-start_epmd false -erl_epmd_port 9000 -epmd_port 1").port(), PortSource::Fixed(9000));
        assert!(parse("-proto_dist inet6_tls").is_tls && parse("-epmd_module my_epmd").has_own_epmd_module);
    }

    #[test]
    fn flags_count_as_the_vm_counts_them() {
        assert_eq!(parse("-name a@b -name c@d").node.unwrap(), "a@b");
        assert_eq!(parse("-name a@b -sname c").node.unwrap(), "c");
        assert_eq!(parse("-name -noshell").node, None);
        assert_eq!(parse("-setcookie a -setcookie b").cookie, None);
        assert_eq!(parse("-x -extra -name a@b -setcookie c"), VmFlags::default());
    }
}
