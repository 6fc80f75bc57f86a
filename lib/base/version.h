/* version.h - the version of all of HashScope, in this one place. */
#ifndef HASHSCOPE_BASE_VERSION_H
#define HASHSCOPE_BASE_VERSION_H

#define HASHSCOPE_VERSION "0.1.0"

#endif
