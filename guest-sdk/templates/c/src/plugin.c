/* The functions that wit/plugin.wit exports. `toolcell build` makes gen/plugin.h of it. */
#include "../gen/plugin.h"
#include "greet.h"

#include <stdlib.h>

/* Fills in the error record. The caller frees what it holds. */
static bool fail(const struct failure *failure, plugin_tool_error_t *error) {
    plugin_string_dup(&error->code, failure->code);
    plugin_string_dup(&error->message, failure->message);
    error->likely_causes.ptr = malloc(sizeof *error->likely_causes.ptr);
    error->likely_causes.len = 1;
    plugin_string_dup(error->likely_causes.ptr, failure->cause);
    error->check_first.is_some = true;
    plugin_string_dup(&error->check_first.val, failure->check_first);
    error->retryable = false;
    error->extra.is_some = false;
    return false;
}

bool exports_plugin_greet(plugin_whom_t *name, plugin_greeting_t *result, plugin_tool_error_t *error) {
    struct text greeting;
    const struct failure *failure = greet((struct text){(const char *)name->ptr, name->len}, &greeting);
    plugin_whom_free(name);
    if (failure != NULL) {
        return fail(failure, error);
    }
    result->text = (plugin_string_t){(uint8_t *)greeting.bytes, greeting.length};
    return true;
}
