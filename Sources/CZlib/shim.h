#ifndef NUMAFLEET_CZLIB_SHIM_H
#define NUMAFLEET_CZLIB_SHIM_H

#include <zlib.h>

#endif
