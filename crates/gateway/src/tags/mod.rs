//! Operations on the tags of streams.

pub(crate) mod add_tags_to_stream;
mod change;
pub(crate) mod list_tags_for_resource;
pub(crate) mod list_tags_for_stream;
pub(crate) mod remove_tags_from_stream;
mod resource;
mod rules;
pub(crate) mod tag_new_stream;
pub(crate) mod tag_resource;
pub(crate) mod untag_resource;
