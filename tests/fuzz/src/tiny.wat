;; The smallest plugin that serves: one tool, which answers with its arguments.
(module
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 1024))
  (data (i32.const 0) "tinytiny text{\"type\":\"object\"}")
  ;; A record `tool`: name, no title, description, input schema, no output schema, no hints, nothing extra.
  (data (i32.const 64) "\00\00\00\00\04\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\04\00\00\00\09\00\00\00\0d\00\00\00\11\00\00\00")
  ;; The list of it.
  (data (i32.const 160) "\40\00\00\00\01\00\00\00")
  (func (export "toolcell:plugin/tools@0.1.0#list-tools") (result i32)
    (i32.const 160))
  ;; ok({content: [text(arguments)], structured: none, extra: none})
  (func (export "toolcell:plugin/tools@0.1.0#call-tool") (param i32 i32 i32 i32) (result i32)
    (i32.store (i32.const 260) (local.get 2))
    (i32.store (i32.const 264) (local.get 3))
    (i32.store (i32.const 204) (i32.const 256))
    (i32.store (i32.const 208) (i32.const 1))
    (i32.const 200))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (block $fits
      (br_if $fits (i32.le_u (global.get $free) (i32.shl (memory.size) (i32.const 16))))
      (drop (memory.grow (i32.add (i32.shr_u (local.get 3) (i32.const 16)) (i32.const 1)))))
    (local.get $at)))
