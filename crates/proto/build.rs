//! Compiles `proto/` at the top of the repository, in Rust: no `protoc` has to be installed.

use std::error::Error;
use std::path::PathBuf;

const ROOT: &str = "../../proto";
/// Between nodes.
const PEER: &[&str] = &["anabranch/peer/v1/peer.proto"];
/// For clients. Their descriptors are part of the build, so that a node can be asked for them.
const PUBLIC: &[&str] = &[
    "anabranch/v1/common.proto",
    "anabranch/v1/streams.proto",
    "anabranch/v1/records.proto",
    "grpc/health/v1/health.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    // Connections are the callers' business; bytes are slices of what came in.
    let generator = || tonic_prost_build::configure().build_transport(false).bytes(".");
    generator().compile_fds(protox::compile(PEER, [ROOT])?)?;
    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.include_imports(true).include_source_info(true).open_files(PUBLIC)?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    std::fs::write(out.join("public.bin"), compiler.encode_file_descriptor_set())?;
    generator().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
