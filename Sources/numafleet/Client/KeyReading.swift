import ClusterConfig
import ZeroMQTransport

/// A public key given as itself or as a file; of a secret key's file, the public half.
func publicKey(named text: String) throws(CommandFailure) -> CurvePublicKey {
  do {
    if isPublicKey(text) { return try CurvePublicKey(z85: text) }
    let content = try readText(text, kind: "public key")
    // A secret must never be taken for a public key and sent or shown, so the file's own words decide.
    return content.contains("secret key")
      ? try KeyFile.readSecret(text).publicKey : try KeyFile.readPublic(text)
  } catch let failure as CommandFailure {
    throw failure
  } catch {
    throw CommandFailure(code: "key", "\(error)", remedy: "`numafleet key new --out FILE` makes a pair", exit: .refused)
  }
}

/// An operator's own key.
func secretKey(in file: String) throws(CommandFailure) -> CurveSecretKey {
  do {
    return try KeyFile.readSecret(file)
  } catch {
    throw CommandFailure(code: "key", "\(error)", remedy: "`numafleet key new --out FILE` makes a pair", exit: .refused)
  }
}
