#include "greet.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct failure blank_name = {
    .code = "blank_name",
    .message = "the name is blank",
    .cause = "the argument `name` is empty or only spaces",
    .check_first = "Ask the user whom to greet.",
};

/* Without the spaces of ASCII around it. */
static struct text trim(struct text text) {
    while (text.length > 0 && isspace((unsigned char)text.bytes[0])) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && isspace((unsigned char)text.bytes[text.length - 1])) {
        text.length--;
    }
    return text;
}

static void append(struct text text, char **end) {
    memcpy(*end, text.bytes, text.length);
    *end += text.length;
}

const struct failure *greet(struct text name, struct text *greeting) {
    const struct text before = {"Hello, ", 7}, after = {"!", 1};
    name = trim(name);
    if (name.length == 0) {
        return &blank_name;
    }
    size_t length = before.length + name.length + after.length;
    char *bytes = malloc(length), *end = bytes;
    if (bytes == NULL) {
        abort();
    }
    append(before, &end);
    append(name, &end);
    append(after, &end);
    *greeting = (struct text){bytes, length};
    return NULL;
}
