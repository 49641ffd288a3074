"""The Sphinx directive `{run}`: code that is run when the page is built, shown with what it printed."""

from code_blocks import Session
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective


class Run(SphinxDirective):
    """Run a block of code, and put the code and what it printed into the page. See `code_blocks` for the syntax."""

    has_content = True
    optional_arguments = 1
    option_spec = {  # noqa: RUF012 - the name and type are Sphinx's
        "output": lambda word: directives.choice(word, ("text", "markdown", "none")),
        "code": lambda word: directives.choice(word, ("show", "hide")),
    }

    def run(self) -> list[nodes.Node]:
        language = self.arguments[0] if self.arguments else "python"
        code = "\n".join(self.content) + "\n"
        sessions = self.env.temp_data.setdefault("oxablate_sessions", {})
        if self.env.docname not in sessions:
            sessions[self.env.docname] = Session(self.env.docname)
        session = sessions[self.env.docname]
        try:
            printed = session.run(language, code, self.lineno)
        except RuntimeError as error:
            raise self.error(str(error)) from error
        made: list[nodes.Node] = []
        if self.options.get("code", "show") == "show":
            made.append(nodes.literal_block(code, code, language=language, classes=["run-code"]))
        kind = self.options.get("output", "text")
        if kind == "markdown":
            made += self.parse_text_to_nodes(printed)
        elif kind == "text" and printed.strip():
            made.append(nodes.literal_block(printed, printed, language="text", classes=["run-output"]))
        return made


def setup(app) -> dict:
    """Register the directive. Pages that run code are read one at a time: their blocks compile kernels."""
    app.add_directive("run", Run)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
