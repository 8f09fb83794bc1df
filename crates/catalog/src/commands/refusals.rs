//! How commands that are about nodes and replicas declare why they are refused.

/// Declares the enum of a command's refusals, their texts and their bytes.
///
/// A name alone is a refusal that commands share: its arm here has the fields and the text, a line
/// above the name is added to what the arm says, and the fact of `membership` that the arm begins
/// with becomes it by `?`. All others are written out where they are declared.
macro_rules! refusals {
    ($(#[$doc:meta])* $type:ident { 1 => NotBootstrapped, $($refusals:tt)* }) => {
        refusals! { @next [$(#[$doc])* $type] [] $($refusals)* }
    };

    (@next $head:tt [$($done:tt)*] $(#[$more:meta])* $tag:literal => FeatureLevel, $($rest:tt)*) => {
        refusals! { @next $head [$($done)* { BelowLevel
            /// Some node does not understand the command (D15).
            $(#[$more])*
            #[error("the cluster is at feature level {cluster}, the command needs level {needed}")]
            $tag => FeatureLevel {
                /// The cluster's level.
                cluster: u16,
                /// The lowest level that has the command.
                needed: u16,
            }
        }] $($rest)* }
    };

    (@next $head:tt [$($done:tt)*] $(#[$more:meta])* $tag:literal => NoGroup, $($rest:tt)*) => {
        refusals! { @next $head [$($done)* { NoGroup
            /// There is no such group.
            $(#[$more])*
            #[error("there is no group {group}")]
            $tag => NoGroup {
                /// The group asked for.
                group: anabranch_types::GroupId,
            }
        }] $($rest)* }
    };

    (@next $head:tt [$($done:tt)*] $(#[$more:meta])* $tag:literal => NoReplica, $($rest:tt)*) => {
        refusals! { @next $head [$($done)* { NoReplica
            /// The group has no such replica, or has it no more.
            $(#[$more])*
            #[error("group {group} has no replica {replica}")]
            $tag => NoReplica {
                /// The group asked for.
                group: anabranch_types::GroupId,
                /// The replica asked for.
                replica: anabranch_types::ReplicaId,
            }
        }] $($rest)* }
    };

    (@next $head:tt [$($done:tt)*] $(#[$more:meta])* $tag:literal => NoNode, $($rest:tt)*) => {
        refusals! { @next $head [$($done)* { NoNode
            /// No member has this id.
            $(#[$more])*
            #[error("node {node} is not a member")]
            $tag => NoNode {
                /// The id asked for.
                node: anabranch_types::NodeId,
            }
        }] $($rest)* }
    };

    (@next $head:tt [$($done:tt)*] $(#[$more:meta])* $tag:literal => Incarnation, $($rest:tt)*) => {
        refusals! { @next $head [$($done)* { OtherDirectory
            /// The id belongs to another directory (D14).
            $(#[$more])*
            #[error("node {node} has incarnation {registered}")]
            $tag => Incarnation {
                /// The id asked for.
                node: anabranch_types::NodeId,
                /// The incarnation that has the id.
                registered: anabranch_types::Incarnation,
            }
        }] $($rest)* }
    };

    (@next $head:tt [$($done:tt)*] $(#[$more:meta])* $tag:literal => Changing, $($rest:tt)*) => {
        refusals! { @next $head [$($done)* { Changing
            /// One replica of a group comes or goes at a time; this one does.
            $(#[$more])*
            #[error("replica {replica} is on its way in or out")]
            $tag => Changing {
                /// The replica that is joining or leaving.
                replica: anabranch_types::ReplicaId,
            }
        }] $($rest)* }
    };

    // Which states are refused, and why, each command says.
    (@next $head:tt [$($done:tt)*] $(#[$more:meta])+ $tag:literal => NodeState, $($rest:tt)*) => {
        refusals! { @next $head [$($done)* { NotActive
            $(#[$more])+
            #[error("node {node} is {state:?}")]
            $tag => NodeState {
                /// The node that the command is about.
                node: anabranch_types::NodeId,
                /// What is to become of it.
                state: crate::node::NodeState,
            }
        }] $($rest)* }
    };

    (@next $head:tt [$($done:tt)*] $(#[$more:meta])+ $tag:literal => State, $($rest:tt)*) => {
        refusals! { @next $head [$($done)* {
            $(#[$more])+
            #[error("replica {replica} is {state:?}")]
            $tag => State {
                /// The replica asked for.
                replica: anabranch_types::ReplicaId,
                /// How far it is in its group.
                state: crate::group::ReplicaState,
            }
        }] $($rest)* }
    };

    // One of the command's own.
    (@next $head:tt [$($done:tt)*] $(#[$own:meta])+ $tag:literal => $variant:ident $fields:tt, $($rest:tt)*) => {
        refusals! { @next $head [$($done)* { $(#[$own])+ $tag => $variant $fields }] $($rest)* }
    };

    // Every refusal is written out: the enum, its bytes, and which facts become it.
    (@next [$(#[$doc:meta])* $type:ident] [$({
        $($fact:ident)? $(#[$about:meta])+ $tag:literal => $variant:ident {
            $($(#[$field_doc:meta])+ $field:ident: $field_type:ty,)+
        }
    })+]) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        pub enum $type {
            /// There is no cluster yet.
            #[error("the cluster is not bootstrapped")]
            NotBootstrapped,
            $($(#[$about])+ $variant { $($(#[$field_doc])+ $field: $field_type,)+ },)+
        }

        crate::codec::variants!($type { 1 => NotBootstrapped {}, $($tag => $variant { $($field),+ }),+ });

        impl From<crate::commands::membership::NotBootstrapped> for $type {
            fn from(_: crate::commands::membership::NotBootstrapped) -> Self {
                $type::NotBootstrapped
            }
        }

        $(refusals! { @from [$($fact)?] $type $variant $($field)+ })+
    };

    (@from [] $($own:ident)+) => {};
    (@from [$fact:ident] $type:ident $variant:ident $($field:ident)+) => {
        impl From<crate::commands::membership::$fact> for $type {
            fn from(fact: crate::commands::membership::$fact) -> Self {
                $type::$variant { $($field: fact.$field),+ }
            }
        }
    };
}
pub(crate) use refusals;
