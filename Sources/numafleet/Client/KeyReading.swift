import ClusterConfig
import Glibc
import ZeroMQTransport

/// A public key given as itself or as a file; of a secret key's file, the public half.
func publicKey(named text: String) throws(CommandFailure) -> CurvePublicKey {
  do {
    // A path of 40 characters may look like a key, so a file that is there wins.
    if isPublicKey(text), access(text, F_OK) != 0 { return try CurvePublicKey(z85: text) }
    let content = try readText(text, kind: "public key")
    // A secret must never be taken for a public key and sent or shown, so the file's own words decide.
    return content.contains("secret key")
      ? try KeyFile.readSecret(text).publicKey : try KeyFile.readPublic(text)
  } catch let failure as CommandFailure {
    throw failure
  } catch {
    throw CommandFailure(code: "key", "\(error)", remedy: "`numafleet key new --out FILE` makes a pair", exit: .usage)
  }
}

/// An operator's own key.
func secretKey(in file: String) throws(CommandFailure) -> CurveSecretKey {
  do {
    return try KeyFile.readSecret(file)
  } catch {
    throw CommandFailure(code: "key", "\(error)", remedy: "`numafleet key new --out FILE` makes a pair", exit: .usage)
  }
}
