#ifndef NUMAFLEET_CZEROMQ_SHIM_H
#define NUMAFLEET_CZEROMQ_SHIM_H

#include <zmq.h>

// The library takes this option from 4.3.2 on, but its header shows it only in draft builds; without it CURVE
// admits everybody while no ZAP handler runs.
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

#endif
