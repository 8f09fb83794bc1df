//! Writes append streams without joining a message's parts first.
//!
//! On the wire it is `AppendRequest` of `peer.proto`: field 2, length-delimited.

use anabranch_consensus::AppendMessage;
use anabranch_proto::peer::v1::append_request::Part;
use anabranch_proto::peer::v1::{AppendOpen, AppendReply, AppendRequest};
use bytes::BufMut;
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic_prost::ProstCodec;

/// Field number 2 and wire type 2, as one byte.
const ENTRIES_KEY: u8 = 2 << 3 | 2;
/// Key and length of the entries.
const HEAD_BYTES_MAX: usize = 1 + 10;

/// A message of an append stream on its way out.
pub(super) enum AppendPart {
    Open(AppendOpen),
    Entries(AppendMessage),
}

pub(super) struct AppendCodec {
    /// The other side takes no larger message.
    pub bytes_max: usize,
}

type Replies = ProstCodec<AppendReply, AppendReply>;

impl Codec for AppendCodec {
    type Encode = AppendPart;
    type Decode = AppendReply;
    type Encoder = AppendEncoder;
    type Decoder = <Replies as Codec>::Decoder;

    fn encoder(&mut self) -> AppendEncoder {
        AppendEncoder { bytes_max: self.bytes_max }
    }

    fn decoder(&mut self) -> Self::Decoder {
        Replies::default().decoder()
    }
}

pub(super) struct AppendEncoder {
    bytes_max: usize,
}

impl Encoder for AppendEncoder {
    type Item = AppendPart;
    type Error = Status;

    fn encode(&mut self, part: AppendPart, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        if let AppendPart::Entries(message) = &part {
            let bytes = message.bytes() + HEAD_BYTES_MAX;
            if bytes > self.bytes_max {
                tracing::error!(bytes, bytes_max = self.bytes_max, "entries are too large for the other nodes");
                return Err(Status::out_of_range(format!("a message of {bytes} bytes, at most {}", self.bytes_max)));
            }
            out.reserve(bytes);
        }
        write(part, out).map_err(|error| Status::internal(error.to_string()))
    }
}

fn write(part: AppendPart, out: &mut impl BufMut) -> Result<(), prost::EncodeError> {
    match part {
        AppendPart::Open(open) => AppendRequest { part: Some(Part::Open(open)) }.encode(out),
        AppendPart::Entries(message) => {
            out.put_u8(ENTRIES_KEY);
            prost::encode_length_delimiter(message.bytes(), out)?;
            message.parts().for_each(|bytes| out.put_slice(bytes));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn parts_are_written_as_the_generated_code_would_write_them_joined() {
        for parts in [vec![""], vec!["head"], vec!["head", "", "one", "another"]] {
            let bodies = parts[1..].iter().map(|part| Bytes::from_static(part.as_bytes())).collect();
            let message = AppendMessage::new(Bytes::from_static(parts[0].as_bytes()), bodies);
            let mut written = Vec::new();
            write(AppendPart::Entries(message.clone()), &mut written).unwrap();
            let joined = AppendRequest { part: Some(Part::Entries(message.into_bytes())) };
            assert_eq!(written, joined.encode_to_vec());
        }
    }
}
