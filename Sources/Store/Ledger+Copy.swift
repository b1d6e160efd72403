import GRDB

extension Ledger {
  /// Another ledger with the same content and no file: what somebody has who copies the store.
  public func copiedInMemory() throws(StoreError) -> Ledger {
    let copy = try Ledger.inMemory()
    do { try queue.backup(to: copy.queue) } catch { throw StoreError(error, path: path) }
    return copy
  }
}
