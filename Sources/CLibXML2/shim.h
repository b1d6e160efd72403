#ifndef NUMAFLEET_CLIBXML2_SHIM_H
#define NUMAFLEET_CLIBXML2_SHIM_H

// Debian's libxml2 would bring ICU's headers in, which contradict the ICU inside Foundation: a program could not use
// both. Only private parts of libxml2's encoding handlers depend on them.
#include <libxml/xmlversion.h>
#undef LIBXML_ICU_ENABLED

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>

// The one way a document is read: no network, no DTD or entity from anywhere, no substitution, libxml2's own limits
// left on (no XML_PARSE_HUGE), nothing printed. The bytes are UTF-8 whatever the declaration claims.
static inline xmlDocPtr clibxml2_read(xmlParserCtxtPtr context, const char *bytes, int size) {
  return xmlCtxtReadMemory(context, bytes, size, NULL, "UTF-8",
                           XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

// The last error's message or NULL, and its line. xmlCtxtGetLastError changed its constness between releases.
static inline const char *clibxml2_last_error(xmlParserCtxtPtr context, int *line) {
  const xmlError *error = xmlCtxtGetLastError(context);
  if (error == NULL) return NULL;
  *line = error->line;
  return error->message;
}

#endif
