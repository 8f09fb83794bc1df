//! The house's rules for the public files of `proto/`: everything is documented, named in one way and versioned, and
//! what clients were promised stays.

use anabranch_proto::PUBLIC_DESCRIPTORS;
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use std::collections::BTreeSet;

/// What has been published: one line per method, field and value.
const PUBLISHED: &str = include_str!("../../../proto/anabranch/v1/PUBLISHED");

/// The files that are ours.
fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(PUBLIC_DESCRIPTORS).expect("the build wrote it");
    set.file.into_iter().filter(|file| file.package().starts_with("anabranch.")).collect()
}

/// The paths, in a file's source info, of what has a comment before it.
fn documented(file: &FileDescriptorProto) -> BTreeSet<Vec<i32>> {
    let info = file.source_code_info.as_ref().expect("the build keeps comments");
    let commented = info.location.iter().filter(|location| !location.leading_comments().trim().is_empty());
    commented.map(|location| location.path.clone()).collect()
}

/// Every element of a file as its path and full name. Numbers are those of descriptor.proto's fields.
fn elements(file: &FileDescriptorProto) -> Vec<(Vec<i32>, String)> {
    let mut all = Vec::new();
    for (at, service) in (0..).zip(&file.service) {
        all.push((vec![6, at], service.name().to_owned()));
        let methods = (0..).zip(&service.method);
        all.extend(methods.map(|(nth, method)| (vec![6, at, 2, nth], format!("{}.{}", service.name(), method.name()))));
    }
    for (at, message) in (0..).zip(&file.message_type) {
        message_elements(vec![4, at], message, "", &mut all);
    }
    for (at, of) in (0..).zip(&file.enum_type) {
        enum_elements(vec![5, at], of, "", &mut all);
    }
    all
}

fn message_elements(path: Vec<i32>, message: &DescriptorProto, within: &str, all: &mut Vec<(Vec<i32>, String)>) {
    let name = format!("{within}{}", message.name());
    let below = |kind: i32, at: i32| [path.clone(), vec![kind, at]].concat();
    all.extend((0..).zip(&message.field).map(|(at, field)| (below(2, at), format!("{name}.{}", field.name()))));
    // An `optional` field makes a oneof of its own, which nobody wrote and nobody documents.
    let written = (0..)
        .zip(&message.oneof_decl)
        .filter(|(at, _)| message.field.iter().any(|field| field.oneof_index == Some(*at) && !field.proto3_optional()));
    all.extend(written.map(|(at, oneof)| (below(8, at), format!("{name}.{}", oneof.name()))));
    for (at, nested) in (0..).zip(&message.nested_type) {
        message_elements(below(3, at), nested, &format!("{name}."), all);
    }
    for (at, of) in (0..).zip(&message.enum_type) {
        enum_elements(below(4, at), of, &format!("{name}."), all);
    }
    all.push((path, name));
}

fn enum_elements(path: Vec<i32>, of: &EnumDescriptorProto, within: &str, all: &mut Vec<(Vec<i32>, String)>) {
    let name = format!("{within}{}", of.name());
    let values = (0..).zip(&of.value);
    all.extend(values.map(|(at, value)| ([path.clone(), vec![2, at]].concat(), format!("{name}.{}", value.name()))));
    all.push((path, name));
}

#[test]
fn everything_has_a_comment() {
    for file in files() {
        let documented = documented(&file);
        let bare: Vec<_> = elements(&file).into_iter().filter(|(path, _)| !documented.contains(path)).collect();
        assert_eq!(bare, Vec::new(), "{}", file.name());
    }
}

#[test]
fn packages_end_with_a_version_and_lie_in_a_folder_of_their_name() {
    for file in files() {
        let version = file.package().rsplit('.').next().unwrap_or_default();
        let digits = version.strip_prefix('v').expect("a package ends with its version");
        assert!(!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()), "{}", file.package());
        assert!(file.name().starts_with(&format!("{}/", file.package().replace('.', "/"))), "{}", file.name());
        assert_eq!(file.syntax(), "proto3");
    }
}

fn is_upper_camel(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_snake(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn screaming(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

fn check_message(message: &DescriptorProto) {
    assert!(is_upper_camel(message.name()), "{}", message.name());
    for field in &message.field {
        assert!(is_snake(field.name()), "{}.{}", message.name(), field.name());
    }
    message.nested_type.iter().for_each(check_message);
}

#[test]
fn names_follow_one_style_and_a_method_owns_its_messages() {
    let mut owned = BTreeSet::new();
    for file in files() {
        file.message_type.iter().for_each(check_message);
        for of in &file.enum_type {
            let prefix = screaming(of.name());
            let zero = of.value.first().expect("an enum has values");
            assert_eq!((zero.number(), zero.name().to_owned()), (0, format!("{prefix}_UNSPECIFIED")));
            assert!(of.value.iter().all(|value| value.name().starts_with(&format!("{prefix}_"))), "{}", of.name());
        }
        for method in file.service.iter().flat_map(|service| &service.method) {
            let name = method.name();
            assert!(is_upper_camel(name), "{name}");
            let expected = [format!(".anabranch.v1.{name}Request"), format!(".anabranch.v1.{name}Response")];
            assert_eq!([method.input_type(), method.output_type()], expected.each_ref().map(String::as_str));
            assert!(owned.insert(expected), "{name} is there twice");
        }
    }
    assert_eq!(owned.len(), 15);
}

/// `Message.field = number kind`, `Enum.VALUE = number` or `Service.Method(stream In) -> stream Out`.
fn promises() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for file in files() {
        for service in &file.service {
            for method in &service.method {
                let kind = |streaming: bool| if streaming { "stream " } else { "" };
                lines.insert(format!(
                    "{}.{}({}{}) -> {}{}",
                    service.name(),
                    method.name(),
                    kind(method.client_streaming()),
                    method.input_type(),
                    kind(method.server_streaming()),
                    method.output_type()
                ));
            }
        }
        for of in &file.enum_type {
            lines.extend(of.value.iter().map(|value| format!("{}.{} = {}", of.name(), value.name(), value.number())));
        }
        file.message_type.iter().for_each(|message| promised_fields("", message, &mut lines));
    }
    lines
}

fn promised_fields(within: &str, message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    let name = format!("{within}{}", message.name());
    for field in &message.field {
        lines.insert(format!("{name}.{} = {} {}", field.name(), field.number(), kind(field)));
    }
    message.nested_type.iter().for_each(|nested| promised_fields(&format!("{name}."), nested, lines));
}

fn kind(field: &FieldDescriptorProto) -> String {
    let label = match field.label() {
        Label::Repeated => "repeated ",
        _ if field.proto3_optional() => "optional ",
        _ => "",
    };
    let of = match field.r#type() {
        Type::Message | Type::Enum => field.type_name().to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    format!("{label}{of}")
}

#[test]
fn what_was_published_stays_and_what_is_new_is_written_down() {
    let published: BTreeSet<String> = PUBLISHED.lines().map(str::to_owned).collect();
    let now = promises();
    let gone: Vec<_> = published.difference(&now).collect();
    assert!(gone.is_empty(), "clients rely on these: {gone:#?}");
    let new: Vec<_> = now.difference(&published).map(String::as_str).collect();
    assert!(new.is_empty(), "add to proto/anabranch/v1/PUBLISHED:\n{}", new.join("\n"));
}
