"""The logic: no WebAssembly, no network."""

import unittest

from toolcell import ToolError, testing

from plugin import Greeting, greet


class Greet(unittest.TestCase):
    def test_greets_by_name(self):
        self.assertEqual(greet(" Ada "), Greeting(text="Hello, Ada!"))

    def test_a_blank_name_is_an_error_that_says_what_to_do(self):
        with self.assertRaises(ToolError) as raised:
            greet(" ")
        self.assertEqual(raised.exception.code, "blank_name")
        self.assertEqual(raised.exception.check_first, "Ask the user whom to greet.")

    def test_a_client_can_list_and_call_the_tool(self):
        [tool] = testing.tools()
        self.assertEqual(testing.call(tool.name, {"name": "Ada"}).structured, {"text": "Hello, Ada!"})

    def test_the_examples_hold(self):
        testing.examples("examples")


if __name__ == "__main__":
    unittest.main()
