/* What the tool does. Nothing here knows WebAssembly, so that tests run it as any other C. */
#ifndef GREET_H
#define GREET_H

#include <stddef.h>

/* UTF-8, with no NUL at its end. */
struct text {
    const char *bytes;
    size_t length;
};

/* Why the tool failed. A model reads it. */
struct failure {
    const char *code;
    const char *message;
    const char *cause;
    const char *check_first;
};

/* Greets somebody by name: NULL, and a greeting whose bytes the caller frees. Else what is wrong. */
const struct failure *greet(struct text name, struct text *greeting);

#endif
