#ifndef NUMAFLEET_CLIBVIRT_SHIM_H
#define NUMAFLEET_CLIBVIRT_SHIM_H

#include <stddef.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

// libvirt prints every error to stderr unless it has a function to give them to.
static inline void clibvirt_ignore_error(void *data, virErrorPtr error) {
  (void)data;
  (void)error;
}
static inline void clibvirt_silence(void) { virSetErrorFunc(NULL, clibvirt_ignore_error); }

// VIR_DOMAIN_EVENT_CALLBACK is a cast macro, which Swift does not see; one registration each keeps the types checked.
static inline int clibvirt_register_lifecycle(virConnectPtr connection, virConnectDomainEventCallback callback,
                                              void *opaque, virFreeCallback release) {
  return virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                          VIR_DOMAIN_EVENT_CALLBACK(callback), opaque, release);
}
static inline int clibvirt_register_tunable(virConnectPtr connection, virConnectDomainEventTunableCallback callback,
                                            void *opaque, virFreeCallback release) {
  return virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_TUNABLE,
                                          VIR_DOMAIN_EVENT_CALLBACK(callback), opaque, release);
}
static inline int clibvirt_register_device_added(virConnectPtr connection,
                                                 virConnectDomainEventDeviceAddedCallback callback, void *opaque,
                                                 virFreeCallback release) {
  return virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
                                          VIR_DOMAIN_EVENT_CALLBACK(callback), opaque, release);
}
static inline int clibvirt_register_device_removed(virConnectPtr connection,
                                                   virConnectDomainEventDeviceRemovedCallback callback,
                                                   void *opaque, virFreeCallback release) {
  return virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
                                          VIR_DOMAIN_EVENT_CALLBACK(callback), opaque, release);
}

#endif
