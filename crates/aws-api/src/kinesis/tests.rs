//! The wire, in both encodings, against a service that records what it is asked.

mod answers;
mod answers_fit_the_model;
mod any_input;
mod fast_and_checked;
mod no_member_is_dropped;
mod recorder;
mod refusals;
mod requests;
mod tags;
