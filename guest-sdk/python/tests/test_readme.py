"""What the README shows is true."""

from __future__ import annotations

import pathlib
import re
import sys
import types
import unittest

from toolcell import ToolError, testing

README = pathlib.Path(__file__).parent.parent / "README.md"


class Readme(unittest.TestCase):
    def test_its_examples_run(self) -> None:
        blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
        self.assertEqual(len(blocks), 2)
        # Dataclasses look for their module.
        module = sys.modules["readme"] = types.ModuleType("readme")
        for block in blocks:
            exec(compile(block, README.name, "exec", dont_inherit=True), module.__dict__)

    def test_raises_fails_where_another_error_or_none_is_raised(self) -> None:
        with self.assertRaisesRegex(AssertionError, "no error `a` was raised"), testing.raises("a"):
            pass
        with self.assertRaises(ToolError), testing.raises("a"):
            raise ToolError("b", "another")
