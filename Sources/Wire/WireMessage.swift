/// The messages of the schemas that hold more than scalars, by their names there.
enum WireMessage: Int, CaseIterable {
  /// Any message of scalars only: nothing in it needs counting.
  case scalars
  case envelope, toCoordinator, toAgent, hello, welcome, hostReport, cellState, hostFacts, sourceNote, job
  case applyAction, startAction, jobReport, jobOutcome, runningOutcome, stepRecord, hostTopology, cell, pcpu
  case distanceMatrix, l3Group, pciDevice, guest, guestCell, guestThread, memoryRegion, movability, pinning
  case vcpuPin, ioThreadPin, numaTune, memNode, shape, placement, scoreTerm, decision, explanation, cellNote
  case plan, wave, move, unmovedGuest, cellList, planRequest, repairRequest, placeRequest, operatorRequest
  case operatorReply, hostQuery, hostFilter, guestQuery, revokeKey, placeGuest, placeShape, startGuest
  case manualChange, authorizedKey, hostList, guestList, findingList, planList, jobList, eventList, keyList
  case hostView, claim, placedGuest, finding, jobRecord, fleetEvent, policy, hostDriver, coordinatorStatus
  case accepted, refusal, hostRules, guestGroup, faultDomain, capacityQuery, placeShapes, capacity, hostCapacity
  case decisionList, drainHost, storeOutage, forgetHost, journalHead, guestMark, messageRefused, hostLoad
  case guestsParent, migrateAction, migrateRequest, drainRequest, rebalanceRequest, fitRequest, capacityAfter
  case adopt, wish, guestDrift, switchKSM, cancelJob
  case automationStatus, automationState, moveRecord, automationRules, keptRoom, keptRoomStatus
}
