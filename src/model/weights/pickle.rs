//! A small interpreter of Python's pickles that can build tensors' descriptions and nothing else.
//!
//! A pickle is a program for a stack machine. This one knows the instructions that checkpoints use and four functions, which
//! it does not call but recognises; any other name is refused. Values live in one list and refer to each other by index:
//! no recursion, however deep a file nests. Everything is bounded by the length of the file and by fixed limits.

use super::ElementType;
use std::collections::HashMap;
use std::io::Read;

/// Most values a pickle may make: a checkpoint makes about thirty for each tensor.
const MOST_VALUES: usize = 1 << 20;
/// Most instructions a pickle may have.
const MOST_INSTRUCTIONS: usize = 1 << 23;
/// Longest string.
const LONGEST_TEXT: usize = 1 << 20;

/// Place of a value in the list of values.
pub(super) type Index = usize;

/// What a pickle can build here.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Integer(i64),
    Other,
    Text(String),
    Tuple(Vec<Index>),
    List(Vec<Index>),
    Dict(Vec<(Index, Index)>),
    Known(Known),
    Storage(Storage),
    Tensor(View),
}

/// The names that are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    StorageOf(ElementType),
    /// A storage whose elements are of no use here, with their size in bytes; tensors on it are left out.
    OtherStorage(usize),
}

/// A run of elements that tensors are views of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Storage {
    pub(super) key: String,
    /// What the elements are, if they are of use.
    pub(super) element: Option<ElementType>,
    pub(super) element_bytes: usize,
    pub(super) elements: usize,
    /// The older format can describe a storage as a part of another: key of the part, offset, length.
    pub(super) part: Option<(usize, usize)>,
}

/// A tensor as a view of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) storage: Storage,
    /// First element within the storage.
    pub(super) start: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// A pickle that was read.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Index,
}

impl Pickle {
    /// Reads one pickle, up to and including its end mark.
    pub(super) fn read(reader: &mut impl Read) -> Result<Pickle, String> {
        let mut machine =
            Machine { reader, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
        let root = machine.run()?;
        Ok(Pickle { values: machine.values, root })
    }

    pub(super) fn root(&self) -> &Value {
        self.get(self.root)
    }

    pub(super) fn get(&self, index: Index) -> &Value {
        self.values.get(index).unwrap_or(&Value::Other)
    }

    /// The integer that the pickle consists of.
    pub(super) fn integer(&self) -> Option<i64> {
        if let Value::Integer(value) = self.root() { Some(*value) } else { None }
    }

    /// Looks a text key up in the dictionary that the pickle consists of.
    pub(super) fn lookup(&self, wanted: &str) -> Option<&Value> {
        let Value::Dict(items) = self.root() else { return None };
        items
            .iter()
            .find(|(key, _)| matches!(self.get(*key), Value::Text(text) if text == wanted))
            .map(|(_, value)| self.get(*value))
    }
}

struct Machine<'a, R> {
    reader: &'a mut R,
    values: Vec<Value>,
    stack: Vec<Index>,
    marks: Vec<usize>,
    memo: HashMap<u32, Index>,
}

impl<R: Read> Machine<'_, R> {
    fn run(&mut self) -> Result<Index, String> {
        for _ in 0..MOST_INSTRUCTIONS {
            let [code] = self.bytes()?;
            if code == b'.' {
                return self.pop();
            }
            self.instruction(code)?;
        }
        Err(format!("damaged pickle: more than {MOST_INSTRUCTIONS} instructions"))
    }

    fn instruction(&mut self, code: u8) -> Result<(), String> {
        match code {
            // Protocol number, frame length: nothing depends on them.
            0x80 => self.bytes::<1>().map(|_| ()),
            0x95 => self.bytes::<8>().map(|_| ()),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Integer(1)),
            0x89 => self.push(Value::Integer(0)),
            b'J' => {
                let value = i32::from_le_bytes(self.bytes()?);
                self.push(Value::Integer(value.into()))
            }
            b'K' => {
                let [value] = self.bytes()?;
                self.push(Value::Integer(value.into()))
            }
            b'M' => {
                let value = u16::from_le_bytes(self.bytes()?);
                self.push(Value::Integer(value.into()))
            }
            0x8a => self.long(),
            b'G' => {
                self.bytes::<8>()?;
                self.push(Value::Other)
            }
            b'X' | b'T' => {
                let length = u32::from_le_bytes(self.bytes()?);
                self.text(length as usize)
            }
            0x8c | b'U' => {
                let [length] = self.bytes()?;
                self.text(length.into())
            }
            b')' => self.push(Value::Tuple(Vec::new())),
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b'(' => {
                self.marks.push(self.stack.len());
                if self.marks.len() > MOST_VALUES { Err("damaged pickle: too many marks".into()) } else { Ok(()) }
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items))
            }
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let items = self.pop_many(count)?;
                self.push(Value::Tuple(items))
            }
            b'0' => self.pop().map(|_| ()),
            b'q' => {
                let [slot] = self.bytes()?;
                self.remember(slot.into())
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.bytes()?);
                self.remember(slot)
            }
            0x94 => self.remember(self.memo.len() as u32),
            b'h' => {
                let [slot] = self.bytes()?;
                self.recall(slot.into())
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.bytes()?);
                self.recall(slot)
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)
            }
            b'a' => {
                let items = self.pop_many(1)?;
                self.append(items)
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(items)
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                let known = recognise(&module, &name)?;
                self.push(Value::Known(known))
            }
            0x93 => {
                let items = self.pop_many(2)?;
                let (Value::Text(module), Value::Text(name)) = (self.value(items[0])?, self.value(items[1])?) else {
                    return Err("damaged pickle: a name that is not text".into());
                };
                let known = recognise(module, name)?;
                self.push(Value::Known(known))
            }
            b'R' => {
                let items = self.pop_many(2)?;
                let built = self.reduce(items[0], items[1])?;
                self.push(built)
            }
            // State of an object that was built: dictionaries of checkpoints carry version numbers there.
            b'b' => self.pop().map(|_| ()),
            b'Q' => {
                let described = self.pop()?;
                let storage = self.storage(described)?;
                self.push(Value::Storage(storage))
            }
            other => Err(format!("damaged pickle: instruction 0x{other:02x} has no place in a checkpoint")),
        }
    }

    /// Recognises the call of a known function.
    fn reduce(&self, function: Index, arguments: Index) -> Result<Value, String> {
        let Value::Tuple(arguments) = self.value(arguments)? else {
            return Err("damaged pickle: arguments that are no tuple".into());
        };
        match self.value(function)? {
            Value::Known(Known::OrderedDict) if arguments.is_empty() => Ok(Value::Dict(Vec::new())),
            Value::Known(Known::RebuildParameter) => {
                let inner = arguments.first().ok_or("damaged pickle: a parameter without data")?;
                match self.value(*inner)? {
                    Value::Tensor(view) => Ok(Value::Tensor(view.clone())),
                    _ => Err("damaged pickle: a parameter that is no tensor".into()),
                }
            }
            Value::Known(Known::RebuildTensor) => {
                let [storage, start, shape, strides, ..] = arguments[..] else {
                    return Err("damaged pickle: a tensor with too few arguments".into());
                };
                let Value::Storage(storage) = self.value(storage)? else {
                    return Err("damaged pickle: a tensor without storage".into());
                };
                let view = View {
                    storage: storage.clone(),
                    start: self.size(start)?,
                    shape: self.sizes(shape)?,
                    strides: self.sizes(strides)?,
                };
                if view.shape.len() != view.strides.len() {
                    return Err(format!("damaged pickle: shape {:?} with strides {:?}", view.shape, view.strides));
                }
                Ok(Value::Tensor(view))
            }
            _ => Err("damaged pickle: a call of something that is no known function".into()),
        }
    }

    /// `('storage', type, key, location, elements)`, in the older format with the part it is of another storage.
    fn storage(&self, described: Index) -> Result<Storage, String> {
        let Value::Tuple(items) = self.value(described)? else {
            return Err("damaged pickle: a storage that is no tuple".into());
        };
        let [tag, class, key, _, elements, ref rest @ ..] = items[..] else {
            return Err("damaged pickle: a storage with too few fields".into());
        };
        let (Value::Text(tag), Value::Text(key)) = (self.value(tag)?, self.value(key)?) else {
            return Err("damaged pickle: a storage without key".into());
        };
        let (element, element_bytes) = match self.value(class)? {
            Value::Known(Known::StorageOf(element)) if tag == "storage" => (Some(*element), element.bytes()),
            Value::Known(Known::OtherStorage(bytes)) if tag == "storage" => (None, *bytes),
            _ => return Err("damaged pickle: a storage of unknown type".into()),
        };
        let part = match rest.first().map(|&part| self.value(part)).transpose()? {
            Some(Value::Tuple(part)) => {
                let [_, start, length] = part[..] else {
                    return Err("damaged pickle: a part of a storage with too few fields".into());
                };
                Some((self.size(start)?, self.size(length)?))
            }
            _ => None,
        };
        Ok(Storage { key: key.clone(), element, element_bytes, elements: self.size(elements)?, part })
    }

    fn size(&self, index: Index) -> Result<usize, String> {
        match self.value(index)? {
            Value::Integer(value) => {
                usize::try_from(*value).map_err(|_| format!("damaged pickle: a size of {value} elements"))
            }
            _ => Err("damaged pickle: a size that is no number".into()),
        }
    }

    fn sizes(&self, index: Index) -> Result<Vec<usize>, String> {
        match self.value(index)? {
            Value::Tuple(items) if items.len() <= 8 => items.iter().map(|&item| self.size(item)).collect(),
            _ => Err("damaged pickle: a shape that is no tuple of at most eight numbers".into()),
        }
    }

    fn set_items(&mut self, items: &[Index]) -> Result<(), String> {
        let target = *self.stack.last().ok_or("damaged pickle: items without a dictionary")?;
        if !items.len().is_multiple_of(2) {
            return Err("damaged pickle: a key without a value".into());
        }
        match self.values.get_mut(target) {
            Some(Value::Dict(dict)) => dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            _ => return Err("damaged pickle: items without a dictionary".into()),
        }
        Ok(())
    }

    fn append(&mut self, items: Vec<Index>) -> Result<(), String> {
        let target = *self.stack.last().ok_or("damaged pickle: elements without a list")?;
        match self.values.get_mut(target) {
            Some(Value::List(list)) => list.extend(items),
            _ => return Err("damaged pickle: elements without a list".into()),
        }
        Ok(())
    }

    fn long(&mut self) -> Result<(), String> {
        let [length] = self.bytes()?;
        let mut bytes = [0u8; 255];
        let bytes = &mut bytes[..length.into()];
        self.fill(bytes)?;
        // Little-endian two's complement. What does not fit 64 bits (the format's magic number) is nothing to count with.
        if length > 8 {
            return self.push(Value::Other);
        }
        let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        let mut wide = [fill; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        self.push(Value::Integer(i64::from_le_bytes(wide)))
    }

    fn text(&mut self, length: usize) -> Result<(), String> {
        if length > LONGEST_TEXT {
            return Err(format!("damaged pickle: a text of {length} bytes"));
        }
        let mut bytes = vec![0u8; length];
        self.fill(&mut bytes)?;
        let text = String::from_utf8(bytes).map_err(|_| "damaged pickle: a text that is not UTF-8")?;
        self.push(Value::Text(text))
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        loop {
            match self.bytes()? {
                [b'\n'] => break,
                [byte] if line.len() < 256 => line.push(byte),
                _ => return Err("damaged pickle: a name of more than 256 bytes".into()),
            }
        }
        String::from_utf8(line).map_err(|_| "damaged pickle: a name that is not UTF-8".into())
    }

    fn remember(&mut self, slot: u32) -> Result<(), String> {
        let top = *self.stack.last().ok_or("damaged pickle: nothing to remember")?;
        if self.memo.len() > MOST_VALUES {
            return Err("damaged pickle: too much to remember".into());
        }
        self.memo.insert(slot, top);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Result<(), String> {
        let value = *self.memo.get(&slot).ok_or("damaged pickle: something recalled that was never seen")?;
        self.stack.push(value);
        if self.stack.len() > MOST_VALUES { Err("damaged pickle: too many values".into()) } else { Ok(()) }
    }

    fn value(&self, index: Index) -> Result<&Value, String> {
        self.values.get(index).ok_or_else(|| "damaged pickle: a value that is not there".into())
    }

    fn push(&mut self, value: Value) -> Result<(), String> {
        if self.values.len() >= MOST_VALUES || self.stack.len() >= MOST_VALUES {
            return Err(format!("damaged pickle: more than {MOST_VALUES} values"));
        }
        self.stack.push(self.values.len());
        self.values.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Index, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("damaged pickle: an empty stack".into());
        }
        self.stack.pop().ok_or_else(|| "damaged pickle: an empty stack".into())
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Index>, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= floor => Ok(self.stack.split_off(start)),
            _ => Err("damaged pickle: an empty stack".into()),
        }
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Index>, String> {
        let mark = self.marks.pop().ok_or("damaged pickle: a mark is missing")?;
        if mark > self.stack.len() {
            return Err("damaged pickle: an empty stack".into());
        }
        Ok(self.stack.split_off(mark))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0u8; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        self.reader.read_exact(bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                "the file ends within its description of the tensors; it is cut".into()
            }
            _ => format!("cannot read the description of the tensors: {error}"),
        })
    }
}

fn recognise(module: &str, name: &str) -> Result<Known, String> {
    Ok(match (module, name) {
        ("collections", "OrderedDict") => Known::OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2") => Known::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Known::RebuildParameter,
        ("torch", "DoubleStorage") => Known::StorageOf(ElementType::F64),
        ("torch", "FloatStorage") => Known::StorageOf(ElementType::F32),
        ("torch", "HalfStorage") => Known::StorageOf(ElementType::F16),
        ("torch", "BFloat16Storage") => Known::StorageOf(ElementType::Bf16),
        ("torch", "LongStorage") => Known::StorageOf(ElementType::I64),
        ("torch", "IntStorage") => Known::StorageOf(ElementType::I32),
        ("torch", "BoolStorage" | "ByteStorage" | "CharStorage") => Known::OtherStorage(1),
        ("torch", "ShortStorage") => Known::OtherStorage(2),
        _ => return Err(format!("the file asks for {module}.{name}, which is not allowed in a checkpoint")),
    })
}
