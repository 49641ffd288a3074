"""Which dose law a run applies, with the numbers of its parameter set."""


class InjuryStage:
    def __init__(self, setting, arm):
        pass

    def advance(self, model):
        pass
