use super::*;

fn servers(text: &str) -> Vec<String> {
    let text_of = |NameServer { address, zone }: &NameServer| match zone {
        Some(zone) => format!("{address}%{zone}"),
        None => address.to_string(),
    };
    ResolvConf::parse(text).servers.iter().map(text_of).collect()
}

#[test]
fn reads_what_kubelet_writes() {
    let conf = ResolvConf::parse(
        "search ns1.svc.cluster.local svc.cluster.local cluster.local example.com\nnameserver 10.96.0.10\noptions ndots:5\n",
    );
    assert_eq!(conf.servers, [NameServer { address: "10.96.0.10".parse().unwrap(), zone: None }]);
    assert_eq!(conf.cluster(), (Some("ns1".into()), Fqdn::parse("cluster.local").ok()));
}

#[test]
fn servers_are_read_from_files_as_the_world_writes_them() {
    let rows: [(&str, &[&str]); 15] = [
        ("", &[]),
        ("# nothing\nsearch example.com\noptions edns0\n", &[]),
        (
            "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n",
            &["10.0.0.1", "10.0.0.2", "10.0.0.3"],
        ),
        ("nameserver nonsense\nnameserver 10.0.0.300\nnameserver\nnameserver 10.0.0.1", &["10.0.0.1"]),
        ("nameserver 10.0.0.1\r\nnameserver ::1\r\noptions ndots:5\r\n", &["10.0.0.1", "::1"]),
        ("nameserver\t10.0.0.1\nnameserver  \t 10.0.0.2\n", &["10.0.0.1", "10.0.0.2"]),
        ("nameserver 10.0.0.1 # the first\nnameserver 10.0.0.2 10.0.0.3\n", &["10.0.0.1", "10.0.0.2"]),
        ("# nameserver 1.1.1.1\n;nameserver 1.1.1.1\nnameserver 10.0.0.1\n", &["10.0.0.1"]),
        (" nameserver 10.0.0.1\n\tnameserver 10.0.0.2\nnameserver10.0.0.3\nNAMESERVER 10.0.0.4\n", &[]),
        ("options timeout:0 attempts:0 rotate use-vc\nnameserver 10.0.0.1\noptions nonsense ndots:x\n", &["10.0.0.1"]),
        (
            "nameserver fe80::1%eth0\nnameserver fe80::2%2\nnameserver 2001:db8::1%\n",
            &["fe80::1%eth0", "fe80::2%2", "2001:db8::1"],
        ),
        ("nameserver 10.0.0.1%eth0\nnameserver [::1]\nnameserver 10.0.0.1:53\n", &[]),
        ("nameserver ::ffff:10.0.0.1\nnameserver 10.0.0.1", &["::ffff:10.0.0.1", "10.0.0.1"]),
        ("\u{fffd}\0\u{fffd}\nnameserver 10.0.0.1\nnameserver \u{fffd}\nsortlist \u{fffd}\n", &["10.0.0.1"]),
        ("nameserver 10.0.0.1\rnameserver 10.0.0.2", &["10.0.0.1"]),
    ];
    for (text, expected) in rows {
        assert_eq!(servers(text), expected, "{text:?}");
    }
}

#[test]
fn the_last_search_list_counts() {
    let long = "y".repeat(64);
    let rows: [(String, &[&str]); 7] = [
        ("search a.example b.example\nsearch c.example\n".into(), &["c.example"]),
        ("search a.example\ndomain b.example c.example\n".into(), &["b.example"]),
        ("domain a.example\nsearch b.example\r\n".into(), &["b.example"]),
        ("search a.example\nsearch\nsearch \t\n".into(), &["a.example"]),
        (" search a.example\n#search b.example\n".into(), &[]),
        (format!("search {long}.example a.example -. . ok.example.\n"), &["a.example", "ok.example"]),
        (format!("search {} a.example\n", format!("{}.", "z".repeat(60)).repeat(5)), &["a.example"]),
    ];
    for (text, expected) in rows {
        let search = ResolvConf::parse(&text).search;
        assert_eq!(search.iter().map(Fqdn::as_str).collect::<Vec<_>>(), expected, "{text:?}");
    }
}

#[test]
fn a_search_entry_that_is_not_a_name_does_not_spoil_the_rest() {
    let conf = ResolvConf::parse(&format!(
        "search {}.x svc.k8s.test\noptions timeout:0 attempts:0 nonsense\n",
        "y".repeat(70)
    ));
    assert_eq!(conf.cluster(), (None, Fqdn::parse("k8s.test").ok()));
}

#[test]
fn other_search_lists_name_no_cluster() {
    assert_eq!(ResolvConf::parse("search corp.example.com example.com\n").cluster(), (None, None));
    assert_eq!(ResolvConf::parse("").cluster(), (None, None));
}
