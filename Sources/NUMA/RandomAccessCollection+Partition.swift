extension RandomAccessCollection where Index == Int {
  /// The first index whose element, and every one behind it, meets a condition that those before do not; the end where
  /// none does. In an ascending list that is where an element is, or where it would be inserted.
  @inlinable
  public func partitionIndex(where isReached: (Element) -> Bool) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = low + (high - low) / 2
      if isReached(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
