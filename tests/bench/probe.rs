//! What a probe costs: ours beside those that people have, all against one node of a mix release.

use std::fmt::Write as _;

use crate::median;
use crate::support::vm::{BOOT, wait_for_node};
use crate::support::{Cluster, DnsSettings, RunningPod, demo_release, wait_until};

const COOKIE: &str = "the-benchs-cookie";
const NODE: &str = "demo@demo-0.demo.default.svc.cluster.local";
const ROUNDS: usize = 10;

struct Tool {
    name: &'static str,
    words: &'static str,
    /// How often in each round: those that boot a VM take a second.
    times: usize,
}

const TOOLS: [Tool; 5] = [
    Tool { name: "`beaminit probe live`", words: "beaminit probe live", times: 20 },
    Tool { name: "`beaminit probe ready demo`", words: "beaminit probe ready demo", times: 20 },
    Tool { name: "`erl_call`", words: "erl_call -n $NODE -c $COOKIE -a 'init get_status'", times: 20 },
    Tool { name: "`bin/app rpc`", words: "beaminit exec bin/demo rpc ':init.get_status()'", times: 1 },
    Tool {
        name: "`rabbitmq-diagnostics ping`",
        words: "/usr/lib/rabbitmq/bin/rabbitmq-diagnostics -l -n $NODE --erlang-cookie $COOKIE ping",
        times: 1,
    },
];

/// Runs a tool some times and prints the microseconds of each run, then those of CPU that all took, and that the node took.
const MEASURE: &str = r#"
VM=$(pgrep -o -x beam.smp)
node_cpu() { cat /proc/$VM/task/*/schedstat | awk '{ sum += $1 } END { printf "%d\n", sum / 1000 }'; }
node=$(node_cpu); times > /tmp/times; cpu=$(tail -1 /tmp/times)
for i in $(seq $TIMES); do
    began=${EPOCHREALTIME/./}
    eval "$WORDS" > /tmp/said 2>&1 || { cat /tmp/said >&2; exit 1; }
    echo $((${EPOCHREALTIME/./} - began))
done
times > /tmp/times
echo "$cpu" "$(tail -1 /tmp/times)" | awk '{ for (i = 1; i <= 4; i++) { split($i, t, /[ms]/); s[i] = t[1] * 60 + t[2] } printf "%d\n", (s[3] + s[4] - s[1] - s[2]) * 1e6 }'
echo $(($(node_cpu) - node))
"#;

#[derive(Default)]
struct Costs {
    walls: Vec<f64>,
    cpu: f64,
    node: f64,
}

/// The table.
pub(crate) fn table() -> String {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("demo-0").release(demo_release()).env("RELEASE_COOKIE", COOKIE);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.env("HOME", "/tmp").command(["bin/demo", "start"]).start();
    wait_for_node(&pod, "demo");
    wait_until(BOOT, "a node that is ready", || pod.exec(["beaminit", "probe", "ready"]).status.success());
    let mut costs = [const { Vec::new() }; TOOLS.len()].map(|walls| Costs { walls, ..Costs::default() });
    for _ in 0..ROUNDS {
        for (tool, costs) in TOOLS.iter().zip(&mut costs) {
            measure(&pod, tool, costs);
        }
    }
    written(&costs)
}

fn measure(pod: &RunningPod, tool: &Tool, costs: &mut Costs) {
    let (times, words) = (format!("TIMES={}", tool.times), format!("WORDS={}", tool.words));
    let given = ["env", &times, &words, &format!("NODE={NODE}"), &format!("COOKIE={COOKIE}")];
    let output = pod.exec(given.into_iter().chain(["bash", "-c", MEASURE]));
    assert!(output.status.success(), "{}: {output:?}", tool.name);
    let figures = String::from_utf8(output.stdout).unwrap();
    let mut figures: Vec<f64> = figures.lines().map(|line| line.parse().unwrap()).collect();
    costs.node += figures.pop().unwrap();
    costs.cpu += figures.pop().unwrap();
    costs.walls.append(&mut figures);
}

fn written(costs: &[Costs]) -> String {
    let figures = |costs: &Costs| {
        let runs = costs.walls.len() as f64;
        [median(costs.walls.clone()), costs.cpu / runs, costs.node / runs].map(|us| us / 1000.0)
    };
    let mut table = "| a probe by | takes, ms | of CPU, ms | of the node's CPU, ms |\n|---|---|---|---|\n".to_owned();
    for (tool, costs) in TOOLS.iter().zip(costs) {
        let [wall, cpu, node] = figures(costs);
        writeln!(table, "| {} | {wall:.1} | {cpu:.1} | {node:.1} |", tool.name).unwrap();
    }
    let of = |name: &str| figures(&costs[TOOLS.iter().position(|tool| tool.name == name).unwrap()]);
    let ([wall, cpu, _], [erl_call, ..], [rpc, rpc_cpu, _]) =
        (of("`beaminit probe live`"), of("`erl_call`"), of("`bin/app rpc`"));
    let (calls, share, cpu_share) = (wall / erl_call, rpc / wall, rpc_cpu / cpu);
    writeln!(
        table,
        "\n`probe live` takes {calls:.1} times as long as `erl_call`, and 1/{share:.0} of the time and 1/{cpu_share:.0} of \
         the CPU of `bin/app rpc`."
    )
    .unwrap();
    table
}
