"""``neuronym methods``: what can describe units."""

from __future__ import annotations

from rich.text import Text

from neuronym.cli.console import output


def methods() -> None:
    """List the installed methods, their parameters and where they come from."""
    from neuronym import plugins
    from neuronym.explain.explainer import needs_annotations

    console = output()
    for name in sorted(plugins.installed("method")):
        cls = plugins.method_class(name)
        console.print(Text(name, style="bold cyan"))
        console.print(f"  {cls.citation}", markup=False, highlight=False, soft_wrap=True)
        takes = [f"--{part}{'' if needed else ' (optional)'}" for part, needed in plugins.handed_in(cls).items()]
        takes += ["--annotations, or images that bring masks"] if needs_annotations(cls) else []
        console.print(f"  takes: {', '.join(takes) or 'nothing'}", markup=False, highlight=False)
        values = ", ".join(f"{key}={value!r}" for key, value in plugins.parameters(cls).items())
        console.print(f"  --set: {values}", markup=False, highlight=False, soft_wrap=True)
