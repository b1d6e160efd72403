import GRDB

extension Ledger {
  /// Another ledger with the same content and no file: what somebody has who copies the store.
  public func copiedInMemory() throws(StoreError) -> Ledger {
    let copy = try Ledger.inMemory()
    do { try queue.backup(to: copy.queue) } catch { throw StoreError(error, path: path) }
    return copy
  }

  /// Lets the store grow no more, or again: a full disk at will. The pages that it has free are still used.
  public func limit(_ isFull: Bool) throws(StoreError) {
    do {
      try queue.writeWithoutTransaction { db in
        let pages = isFull ? try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 1 : 1_073_741_823
        try db.execute(sql: "PRAGMA max_page_count = \(pages)")
      }
    } catch { throw StoreError(error, path: path) }
  }
}
