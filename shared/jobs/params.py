"""What the parameters of every kind of job have in common."""

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    """Parameters of a job; validated at the door and again in the worker."""

    model_config = ConfigDict(extra="forbid", frozen=True)
