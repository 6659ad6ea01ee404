"""Works out the `${eval:...}` of TAO's specs: numbers and their operators, and nothing else."""

import ast
import operator
from collections.abc import Callable, Mapping

Number = int | float
BINARY: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
UNARY: Mapping[type[ast.unaryop], Callable[[Number], Number]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
# Beyond these a power takes longer than anyone means it to.
LARGEST_BASE, LARGEST_POWER = 1e6, 32


def arithmetic(text: object) -> Number:
    """The value of an expression of numbers, + - * / // % ** and brackets; a number is its own value.

    Raises:
        ValueError: anything else, a division by zero or a huge power; names the expression.
    """
    try:
        return _value(ast.parse(str(text).strip(), mode="eval").body)
    except (SyntaxError, ArithmeticError, RecursionError, TypeError) as error:
        raise ValueError(f"{text!r} cannot be worked out: {error}") from error


def _value(node: ast.expr) -> Number:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        assert isinstance(node.value, int | float)
        return node.value
    if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        return UNARY[type(node.op)](_value(node.operand))
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and (abs(left) > LARGEST_BASE or abs(right) > LARGEST_POWER):
            raise ArithmeticError("the power is too large")
        result = BINARY[type(node.op)](left, right)
        if isinstance(result, complex):
            raise ArithmeticError("the result is no real number")
        return result
    raise TypeError("only numbers and + - * / // % ** ( ) are allowed")
