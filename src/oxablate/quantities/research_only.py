"""What oxablate is not for, worded once. Every page, file header and figure that oxablate writes takes it from here."""

#: The sentence for pages, reports, command-line output and documentation.
RESEARCH_ONLY = (
    "Research only. Nothing here, and nothing that oxablate prints, is advice on treating a person; chlorine dioxide "
    "injection is not an approved treatment anywhere, and regulators warn of serious harm from the substance."
)

#: The form for places with room for a few words: figures, file headers.
RESEARCH_ONLY_SHORT = "oxablate: research only, no advice on treating a person"
