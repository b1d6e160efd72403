/// The path that `path` means when it is written in `file`: absolute ones as they are, others from the file's folder.
public func resolvedPath(_ path: String, besideFile file: String) -> String {
  guard path.first != "/", let slash = file.lastIndex(of: "/") else { return path }
  return "\(file[...slash])\(path)"
}
