//! What the tests, the fuzz bodies and the simulator use of this crate.

pub use crate::cli::HELP;
pub use crate::command::FollowedCommand;
pub use crate::explain::facts::SCHEMA;
pub use crate::hand_over::state::State;
pub use crate::kind::{Kind, Release};
pub use crate::release::ReleaseLayout;
pub use crate::signal::Rewrites;
pub use crate::supervise::shutdown::{Due, Shutdown};

pub mod exit {
    pub use crate::exit::DATA;
}

pub mod identity {
    pub mod name {
        pub use crate::identity::name::{Fqdn, NodeName};
    }

    pub use crate::identity::hosts::{Hosts, is_pod_address};
    pub use crate::identity::resolv_conf::ResolvConf;
}

pub mod probe {
    pub use crate::probe::ask::converse;
    pub use crate::probe::handshake::digest;
    pub use crate::probe::session::{Credentials, Session};
}

pub mod render {
    pub use crate::render::template::{Syntax, render};
    pub use crate::render::vm_args::{VmArgs, VmArgsScanner};
    pub use crate::render::{
        TemplateVariables, TextFault, UnsetVariable, VmSurroundings, masked, masked_text, sys_config, vm_args,
    };
}

pub mod variables {
    pub use crate::variables::{
        Config, Env, OTHERS, POD, RELEASE, RawEnv, ReleaseSetting, SETTINGS, Variable, WaitPeers,
    };
}

pub mod wait {
    pub use crate::wait::{Awaited, StopRequests, WaitLimits, for_own_record};

    pub mod answers {
        pub use crate::wait::answers::{Authority, Failure, Outcome, Refusal};
    }

    pub mod machine {
        pub use crate::wait::machine::{Action, Event, Machine, WaitLimits, WaitTarget};
    }

    pub mod questions {
        pub use crate::wait::questions::{Family, Question, Record};
    }

    pub mod sighting {
        pub use crate::wait::sighting::Sighting;
    }
}
