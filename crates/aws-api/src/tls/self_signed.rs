//! Makes a self-signed certificate on first start and leaves it alone ever after.

use super::{TlsError, TlsIdentity};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const KEY: &str = "self-signed.key";
const KEY_MODE: u32 = 0o600;
const CERTIFICATE_MODE: u32 = 0o644;

/// The paths of certificate and key in `directory`, made when either is missing. The
/// certificate is renamed into place last: while it is missing, the key has signed nothing.
pub(super) fn ensure(directory: &Path, names: &[String]) -> Result<(PathBuf, PathBuf), TlsError> {
    let (certificate, key) = (directory.join(TlsIdentity::SELF_SIGNED_CERTIFICATE), directory.join(KEY));
    if !(certificate.exists() && key.exists()) {
        let (certificate_pem, key_pem) = make(names)?;
        write(directory, |path| fs::create_dir_all(path))?;
        write(&key, |path| replace(path, KEY_MODE, &key_pem))?;
        write(&certificate, |path| replace(path, CERTIFICATE_MODE, &certificate_pem))?;
        write(directory, |path| File::open(path)?.sync_all())?;
        tracing::info!(certificate = %certificate.display(), "self-signed certificate made");
    }
    Ok((certificate, key))
}

fn make(names: &[String]) -> Result<(String, String), TlsError> {
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name.push(DnType::CommonName, "Anabranch self-signed");
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok((parameters.self_signed(&key)?.pem(), key.serialize_pem()))
}

fn write(path: &Path, action: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), TlsError> {
    action(path).map_err(|cause| TlsError::Unwritable { path: path.to_owned(), cause })
}

/// Writes beside `path` and renames, so that no crash leaves half a file. The mode is set when
/// the file is created: there is no moment in which others can read it.
fn replace(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
